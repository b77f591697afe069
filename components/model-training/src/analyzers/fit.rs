//! Fitting a graph: stages of operations, a pass over the training split for each.

use std::collections::BTreeMap;

use arrow_array::{Array as _, RecordBatch};
use example_data::examples::{Examples, RowGroup};
use example_data::limits::BATCH_ROWS;
use model_scoring::graph::{Analysed, Builder, Graph, Output, Role, ValueType, column_type};
use model_scoring::signature::{Class, ColumnType, RawInput};
use rayon::prelude::*;

use super::accumulate::Accumulator;
use super::error::AnalysisError;
use super::lanes::Lanes;
use super::spec::{LabelSpec, Spec};
use super::wildcard::{is_pattern, matches};

/// Names that transformed examples give to the label, weight and key.
const RESERVED: [&str; 3] = ["label", "weight", "key"];

/// The split that analyzers see.
#[derive(Debug, Clone, Copy)]
pub struct TrainingSplit<'a> {
    /// The examples, in order: several spans are one training split.
    pub examples: &'a [Examples],
    /// The split's name.
    pub split: &'a str,
    /// A digest of its files, recorded in the graph.
    pub digest: &'a str,
}

/// Fits a graph to the training split.
///
/// The label has classes if it is boolean (false, true), a text (at most 1,000) or an integer of at most
/// 100 distinct values; otherwise it is a number.
pub fn fit(spec: &Spec, data: TrainingSplit<'_>) -> Result<Graph, AnalysisError> {
    let mut builder = Builder::new(columns(data.examples)?);
    let label = role(spec.label.as_ref(), "label", &mut builder)?;
    let weight = role(spec.weight.as_ref(), "weight", &mut builder)?;
    let key = spec.key.clone().map(LabelSpec::Column);
    let key = role(key.as_ref(), "key", &mut builder)?;
    let mut features = Vec::new();
    for (position, feature) in spec.features.iter().enumerate() {
        let columns = matching(spec, position, builder.available())?;
        features.push(Lanes::begin(feature, position, &columns, &mut builder)?);
    }
    let mut pass = Pass::new(data);
    if let Some(label) = label.filter(|node| has_counted_classes(builder.value_type(*node))) {
        pass.want(label, Accumulator::classes());
    }
    let mut first = true;
    let mut classes = None;
    loop {
        let mut waiting = Vec::new();
        for lanes in &mut features {
            lanes.advance(&mut builder)?;
            let requests = lanes.requests(&builder).unwrap_or_default();
            waiting.push(requests.len());
            for (node, accumulator) in requests {
                pass.want(node, accumulator);
            }
        }
        // The first pass is made in any case: it counts rows and missing values.
        if pass.wanted.is_empty() && !first {
            break;
        }
        let mut counted = pass.run(builder.graph())?.into_iter();
        if first && label.is_some_and(|node| has_counted_classes(builder.value_type(node))) {
            classes = counted.next();
        }
        first = false;
        for (lanes, requests) in features.iter_mut().zip(waiting).filter(|(_, n)| *n > 0) {
            lanes.fitted(counted.by_ref().take(requests).collect(), &mut builder)?;
        }
    }
    if pass.rows == 0 {
        return Err(AnalysisError::NoRows(data.split.to_owned()));
    }
    for lanes in features {
        lanes.finish(&mut builder)?;
    }
    if let Some(node) = label {
        let classes = label_classes(builder.value_type(node), classes)?;
        builder.output(output("label", node, Role::Label, classes));
    }
    if let Some(node) = weight {
        builder.output(output("weight", node, Role::Weight, None));
    }
    if let Some(node) = key {
        builder.output(output("key", node, Role::Key, None));
    }
    pass.nulls
        .iter()
        .filter(|(_, nulls)| **nulls > 0)
        .for_each(|(name, _)| builder.set_nullable(name));
    let graph = builder.finish(Some(Analysed {
        digest: data.digest.to_owned(),
        split: data.split.to_owned(),
        rows: pass.rows,
    }))?;
    check_names(&graph)?;
    Ok(graph)
}

fn output(name: &str, node: usize, role: Role, classes: Option<Vec<Class>>) -> Output {
    Output {
        name: name.to_owned(),
        node,
        role,
        width: 1,
        classes,
    }
}

/// The columns of all examples; integers and floats of one name are floats.
fn columns(examples: &[Examples]) -> Result<Vec<RawInput>, AnalysisError> {
    let mut columns: Vec<RawInput> = Vec::new();
    for some in examples {
        for field in some.schema().fields() {
            // Lists are not transformed; naming one is answered with the columns that there are.
            let Some(found) = column_type(field.data_type()) else {
                continue;
            };
            let name = field.name();
            let Some(column) = columns.iter_mut().find(|column| column.name == *name) else {
                columns.push(RawInput {
                    name: name.clone(),
                    column_type: found,
                    nullable: false,
                });
                continue;
            };
            let number = |t| matches!(t, ColumnType::Int64 | ColumnType::Float64);
            if column.column_type != found {
                if !(number(found) && number(column.column_type)) {
                    return Err(AnalysisError::Columns {
                        column: name.clone(),
                        first: column.column_type.to_string(),
                        other: found.to_string(),
                    });
                }
                column.column_type = ColumnType::Float64;
            }
        }
    }
    Ok(columns)
}

/// The node of a label, weight or key.
fn role(
    source: Option<&LabelSpec>,
    what: &'static str,
    builder: &mut Builder,
) -> Result<Option<usize>, AnalysisError> {
    let wrong = |message: String| AnalysisError::Role { what, message };
    let node = match source {
        None => return Ok(None),
        Some(LabelSpec::Column(name)) => builder.column(name).map_err(wrong)?,
        Some(LabelSpec::Expression(expression)) => expression
            .add_to(builder)
            .map_err(|error| wrong(error.to_string()))?,
    };
    let value_type = builder.value_type(node);
    let fits = match what {
        "label" => value_type != ValueType::Timestamp,
        "weight" => value_type.is_numeric(),
        _ => true,
    };
    if fits {
        Ok(Some(node))
    } else {
        Err(wrong(format!("it cannot be {}", value_type.describe())))
    }
}

/// The columns that a feature takes: names as they are, patterns without those that the label, weight
/// and key are made of, since they would tell the model what it is to find out.
fn matching(
    spec: &Spec,
    position: usize,
    available: &[RawInput],
) -> Result<Vec<String>, AnalysisError> {
    let wrong = |message: String| AnalysisError::Feature {
        place: format!("features[{position}].columns"),
        message,
    };
    let names = || available.iter().map(|column| column.name.as_str());
    let mut withheld: Vec<&str> = spec.key.iter().map(String::as_str).collect();
    for source in spec.label.iter().chain(&spec.weight) {
        match source {
            LabelSpec::Column(name) => withheld.push(name),
            LabelSpec::Expression(expression) => withheld.extend(expression.columns()),
        }
    }
    let mut columns: Vec<String> = Vec::new();
    for pattern in &spec.features[position].columns {
        let found: Vec<&str> = if is_pattern(pattern) {
            names()
                .filter(|name| matches(pattern, name) && !withheld.contains(name))
                .collect()
        } else {
            names().filter(|name| name == pattern).collect()
        };
        if found.is_empty() {
            let all: Vec<&str> = names().collect();
            let message = format!(
                "no column matches `{pattern}`; there are {}",
                all.join(", ")
            );
            return Err(wrong(message));
        }
        if matches!(&spec.label, Some(LabelSpec::Column(label)) if label == pattern) {
            return Err(wrong(format!(
                "`{pattern}` is the label: no model may see it"
            )));
        }
        columns.extend(found.into_iter().map(str::to_owned));
    }
    let mut seen = Vec::new();
    columns.retain(|column| {
        let new = !seen.contains(column);
        seen.push(column.clone());
        new
    });
    Ok(columns)
}

fn has_counted_classes(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Integer | ValueType::Text)
}

/// The classes of a label, if it has any.
fn label_classes(
    value_type: ValueType,
    counted: Option<Accumulator>,
) -> Result<Option<Vec<Class>>, AnalysisError> {
    let wrong = |message: &str| AnalysisError::Role {
        what: "label",
        message: message.to_owned(),
    };
    match (value_type, counted) {
        (ValueType::Boolean, _) => Ok(Some(vec![Class::Boolean(false), Class::Boolean(true)])),
        (ValueType::Integer, Some(Accumulator::Classes(classes))) if classes.overflow => Ok(None),
        (_, Some(Accumulator::Classes(classes))) if classes.overflow => Err(wrong(
            "it has more than 1000 distinct texts, which are no classes; give a column of numbers or classes",
        )),
        (_, Some(Accumulator::Classes(classes))) if classes.values.is_empty() => {
            Err(wrong("it is missing in every row of the training split"))
        }
        (_, Some(Accumulator::Classes(classes))) => Ok(Some(classes.values.into_iter().collect())),
        _ => Ok(None),
    }
}

/// Feature columns have different names, and none of the reserved ones.
fn check_names(graph: &Graph) -> Result<(), AnalysisError> {
    let mut names = graph.feature_columns();
    names.sort_unstable();
    let wrong = |message: String| AnalysisError::Feature {
        place: "features".to_owned(),
        message,
    };
    if let Some(name) = names.iter().find(|name| RESERVED.contains(&name.as_str())) {
        return Err(wrong(format!(
            "`{name}` is the name of a column of the transformed examples: rename the feature with `as`"
        )));
    }
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(wrong(format!(
            "two features are called `{}`: name one of them with `as`",
            pair[0]
        ))),
        None => Ok(()),
    }
}

/// A pass over the training split: what is wanted of which node.
struct Pass<'a> {
    data: TrainingSplit<'a>,
    wanted: Vec<(usize, Accumulator)>,
    rows: u64,
    nulls: BTreeMap<String, u64>,
}

/// What a pass counted in some of the rows.
#[derive(Default)]
struct Counted {
    accumulators: Vec<Accumulator>,
    rows: u64,
    nulls: BTreeMap<String, u64>,
}

impl<'a> Pass<'a> {
    fn new(data: TrainingSplit<'a>) -> Self {
        Self {
            data,
            wanted: Vec::new(),
            rows: 0,
            nulls: BTreeMap::new(),
        }
    }

    fn want(&mut self, node: usize, accumulator: Accumulator) {
        self.wanted.push((node, accumulator));
    }

    /// Reads the split on all cores and gives what was wanted, in order; then nothing is wanted any more.
    fn run(&mut self, graph: &Graph) -> Result<Vec<Accumulator>, AnalysisError> {
        let wanted = std::mem::take(&mut self.wanted);
        let mut whole = empty(&wanted);
        let mut row_groups: Vec<(&Examples, RowGroup)> = Vec::new();
        for examples in self.data.examples {
            let groups = examples.row_groups(self.data.split)?;
            row_groups.extend(groups.into_iter().map(|group| (examples, group)));
        }
        // As many at a time as there are threads, so that memory does not grow with the data.
        for some in row_groups.chunks(rayon::current_num_threads().max(1)) {
            let parts: Vec<Result<Counted, AnalysisError>> = some
                .par_iter()
                .map(|(examples, group)| {
                    let mut part = empty(&wanted);
                    for batch in examples.read_row_group(group, BATCH_ROWS)? {
                        count(&mut part, &wanted, graph, &batch?)?;
                    }
                    Ok(part)
                })
                .collect();
            for part in parts {
                merge(&mut whole, part?)?;
            }
        }
        (self.rows, self.nulls) = (whole.rows, whole.nulls);
        Ok(whole.accumulators)
    }
}

fn empty(wanted: &[(usize, Accumulator)]) -> Counted {
    Counted {
        accumulators: wanted
            .iter()
            .map(|(_, accumulator)| accumulator.clone())
            .collect(),
        ..Counted::default()
    }
}

fn count(
    part: &mut Counted,
    wanted: &[(usize, Accumulator)],
    graph: &Graph,
    batch: &RecordBatch,
) -> Result<(), AnalysisError> {
    part.rows += batch.num_rows() as u64;
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        *part.nulls.entry(field.name().clone()).or_insert(0) += column.null_count() as u64;
    }
    let nodes: Vec<usize> = wanted.iter().map(|(node, _)| *node).collect();
    let columns = graph.evaluate(batch, &nodes)?;
    for (node, accumulator) in nodes.iter().zip(&mut part.accumulators) {
        accumulator.add(&columns[node]).map_err(too_many)?;
    }
    Ok(())
}

fn merge(whole: &mut Counted, part: Counted) -> Result<(), AnalysisError> {
    whole.rows += part.rows;
    for (name, nulls) in part.nulls {
        *whole.nulls.entry(name).or_insert(0) += nulls;
    }
    for (accumulator, other) in whole.accumulators.iter_mut().zip(part.accumulators) {
        accumulator.merge(other).map_err(too_many)?;
    }
    Ok(())
}

fn too_many(message: String) -> AnalysisError {
    AnalysisError::Feature {
        place: "vocabulary".to_owned(),
        message,
    }
}
