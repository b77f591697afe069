//! The process that tries a model: it loads the folder, scores its sample and real rows, and says how
//! that went as one line of JSON on standard output.
//!
//! It judges nothing.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use arrow_array::RecordBatch;
use example_data::examples::Examples;
use model_scoring::evaluation::number_text;
use model_scoring::model::{Model, ONNX_FILE, Predictions, score};
use model_scoring::onnx;
use model_scoring::rows::{self, SAMPLE_FILE};
use serde::{Deserialize, Serialize};

use crate::invocation::Failure;

/// What the process is called in place of a component.
pub(crate) const PROBE: &str = "infra-validate-probe";
/// What the built-in trainers write into their ONNX files as the producer.
const BUILT_IN: &str = "ropewalk";

/// What to try.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) model: PathBuf,
    pub(super) examples: PathBuf,
    pub(super) split: String,
    pub(super) rows: usize,
}

/// How it went.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Everything was scored.
    Scored(Report),
    /// It could not be loaded or scored.
    Failed {
        /// Why, in a sentence.
        reason: String,
    },
}

/// What was seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) is_built_in: bool,
    pub(super) load_ms: f64,
    pub(super) sample_rows: usize,
    /// How far a prediction for the sample lies from what the trainer wrote; none if they have not
    /// the same form.
    pub(super) sample_difference: Option<f64>,
    pub(super) rows: usize,
    /// Predictions that are NaN or infinite.
    pub(super) not_finite: usize,
    /// Rows that are scored otherwise alone than in a batch.
    pub(super) unequal: usize,
    /// The time of a single row.
    pub(super) latency_ms: Latency,
    /// None where the system does not say.
    pub(super) peak_memory_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) median: f64,
    pub(super) p99: f64,
    pub(super) highest: f64,
}

impl Report {
    /// What a person who reads the log wants to know.
    pub(super) fn lines(&self) -> Vec<String> {
        let ms = |x: f64| number_text((x * 1e3).round() / 1e3);
        let mut lines = vec![
            format!("loaded in {} ms", ms(self.load_ms)),
            format!(
                "{} rows of the sample, {} of the split",
                self.sample_rows, self.rows
            ),
            format!(
                "one row: median {} ms, 99 % within {} ms, slowest {} ms",
                ms(self.latency_ms.median),
                ms(self.latency_ms.p99),
                ms(self.latency_ms.highest)
            ),
        ];
        if let Some(bytes) = self.peak_memory_bytes {
            lines.push(format!("peak memory {} MB", bytes / 1_000_000));
        }
        lines
    }
}

/// Does what the argument asks for; gives the exit status.
pub(crate) fn run(arguments: &[String]) -> i32 {
    let request = arguments.first().map(|text| serde_json::from_str(text));
    let Some(Ok(request)) = request else {
        return 2;
    };
    let answer = match attempt(&request) {
        Ok(report) => Answer::Scored(report),
        Err(failure) => Answer::Failed {
            reason: failure.message,
        },
    };
    let Ok(text) = serde_json::to_string(&answer) else {
        return 1;
    };
    match writeln!(std::io::stdout().lock(), "{text}") {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn attempt(request: &Request) -> Result<Report, Failure> {
    let start = Instant::now();
    let model = Model::load(&request.model)?;
    let load_ms = milliseconds(start);
    let onnx = fs::read(request.model.join(ONNX_FILE))?;
    let (sample_rows, sample_difference) = sample(request, &model)?;
    let mut report = Report {
        is_built_in: onnx::describe(&onnx)?.producer == BUILT_IN,
        load_ms,
        sample_rows,
        sample_difference,
        rows: 0,
        not_finite: 0,
        unequal: 0,
        latency_ms: Latency::default(),
        peak_memory_bytes: None,
    };
    let mut times_ms = Vec::new();
    for batch in Examples::open(&request.examples)?.read(&request.split)? {
        let batch = batch?;
        let wanted = (request.rows - report.rows).min(batch.num_rows());
        one_by_one(&model, &batch.slice(0, wanted), &mut report, &mut times_ms)?;
        if report.rows == request.rows {
            break;
        }
    }
    report.latency_ms = latency(times_ms);
    report.peak_memory_bytes = peak_memory_bytes();
    Ok(report)
}

/// How many rows the sample has, and how far the predictions for them lie from what is written there.
fn sample(request: &Request, model: &Model) -> Result<(usize, Option<f64>), Failure> {
    let path = request.model.join(SAMPLE_FILE);
    if !path.exists() {
        return Ok((0, None));
    }
    let sample = rows::read_jsonl(&path)?;
    let batch = rows::from_json(&sample, &model.signature().raw_inputs)?;
    let predictions = score(model, &batch)?;
    let mut difference: Option<f64> = Some(0.0);
    for (at, row) in sample.iter().enumerate() {
        let written = Predictions::written(row);
        let found = predictions.row(at);
        difference = match (difference, written) {
            (Some(most), Some(written)) if written.len() == found.len() => {
                let pairs = written.iter().zip(found);
                let differences = pairs.map(|(a, b)| apart(*a, f64::from(*b)));
                Some(differences.fold(most, f64::max))
            }
            _ => None,
        };
    }
    Ok((sample.len(), difference))
}

/// The distance of two predictions; equal infinities and two NaN are not apart.
fn apart(a: f64, b: f64) -> f64 {
    if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let distance = (a - b).abs();
    if distance.is_nan() {
        f64::INFINITY
    } else {
        distance
    }
}

fn one_by_one(
    model: &Model,
    batch: &RecordBatch,
    report: &mut Report,
    times_ms: &mut Vec<f64>,
) -> Result<(), Failure> {
    let together: Predictions = score(model, batch)?;
    for row in 0..batch.num_rows() {
        let start = Instant::now();
        let alone = score(model, &batch.slice(row, 1))?;
        times_ms.push(milliseconds(start));
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        report.unequal += usize::from(bits(alone.row(0)) != bits(together.row(row)));
        report.not_finite += alone.values.iter().filter(|x| !x.is_finite()).count();
    }
    report.rows += batch.num_rows();
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn latency(mut times_ms: Vec<f64>) -> Latency {
    times_ms.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * times_ms.len() as f64).ceil() as usize;
        times_ms
            .get(place.saturating_sub(1))
            .copied()
            .unwrap_or(0.0)
    };
    Latency {
        median: at(0.5),
        p99: at(0.99),
        highest: at(1.0),
    }
}

/// The most memory that this process held, as Linux counts it.
fn peak_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
