//! Raw rows with a column of every type, which the tests of the graph share.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use model_scoring::graph::{Builder, UTC, column_type};
use model_scoring::signature::RawInput;

pub(crate) type Cell<T> = Option<T>;

/// Raw rows with a column of every type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) fare: Vec<Cell<f64>>,
    pub(crate) hour: Vec<Cell<i64>>,
    pub(crate) company: Vec<Cell<String>>,
    pub(crate) shared: Vec<Cell<bool>>,
    pub(crate) started: Vec<Cell<i64>>,
}

impl Rows {
    pub(crate) fn batch(&self) -> RecordBatch {
        let started = TimestampMicrosecondArray::from(self.started.clone()).with_timezone(UTC);
        let columns: [(&str, ArrayRef); 5] = [
            ("fare", Arc::new(Float64Array::from(self.fare.clone()))),
            ("hour", Arc::new(Int64Array::from(self.hour.clone()))),
            ("company", Arc::new(StringArray::from(self.company.clone()))),
            ("shared", Arc::new(BooleanArray::from(self.shared.clone()))),
            ("started", Arc::new(started)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
    }
}

pub(crate) fn builder() -> Builder {
    let schema = Rows::default().batch().schema();
    let inputs = schema.fields().iter().map(|field| RawInput {
        name: field.name().clone(),
        column_type: column_type(field.data_type()).unwrap(),
        nullable: true,
    });
    Builder::new(inputs.collect())
}
