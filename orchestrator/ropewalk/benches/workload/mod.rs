//! What the benchmarks run, and how they take their arguments.

use std::fmt::Write as _;
use std::time::Duration;

/// The program of each step: it writes one byte.
pub(crate) const PROGRAM: &str = "/usr/bin/printf";

/// Steps in a layer; each needs up to three of the layer before.
const LAYER: usize = 250;

/// Whatever ends a benchmark.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A number from the command line.
pub(crate) fn argument(name: &str, default: usize) -> Result<usize, Failure> {
    let mut arguments = std::env::args();
    while let Some(argument) = arguments.next() {
        if argument == name {
            return Ok(arguments.next().ok_or("a number is missing")?.parse()?);
        }
    }
    Ok(default)
}

/// A layered random graph of steps, none of which is reused for another.
pub(crate) fn pipeline(steps: usize) -> String {
    let mut random = 0x9e37_79b9_u64;
    let mut text = String::from("name: no-op-steps\nsteps:\n");
    for step in 0..steps {
        let _ = write!(
            text,
            "  s{step}:\n    run: [{PROGRAM}, x]\n    env: {{ STEP: s{step} }}\n    files: []\n    outputs: {{ n: {{ type: integer, optional: true }} }}\n"
        );
        if let Some(before) = (step / LAYER).checked_sub(1) {
            let mut needs = Vec::new();
            for _ in 0..3 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let need = before * LAYER + (random >> 33) as usize % LAYER;
                if !needs.contains(&format!("s{need}")) {
                    needs.push(format!("s{need}"));
                }
            }
            let _ = writeln!(text, "    needs: [{}]", needs.join(", "));
        }
    }
    text
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
