//! How long a large pipeline takes to compile, and how much memory.
//!
//!     cargo bench -p pipeline-plan --bench compile [-- STEPS...]
//!
//! 10,000 steps are to take less than 0.5 s and 100,000 less than 5 s, valid or with a mistake, and the
//! memory is to grow in proportion.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fmt::Write as _;
use std::time::Instant;

use component_api::catalog::Catalog;
use pipeline_plan::compile_text;

fn main() {
    // Cargo adds `--bench`.
    let given = std::env::args().skip(1).filter_map(|n| n.parse().ok());
    let mut sizes: Vec<usize> = given.collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 10_000, 100_000];
    }
    sizes.sort_unstable();
    for steps in sizes {
        let good = pipeline(steps);
        let typo = good.replacen("outputs:", "output:", 1);
        let mib = good.len() as f64 / f64::from(1 << 20);
        for (what, text) in [("valid", good), ("with a mistake", typo)] {
            let begun = Instant::now();
            let compiled = compile_text(&text, &Catalog::default());
            let seconds = begun.elapsed().as_secs_f64();
            let found = compiled.diagnostics.len();
            println!(
                "{steps:>7} steps ({mib:.1} MiB), {what:<14}: {seconds:.3} s, {found} diagnostics, at most {} KiB resident",
                peak_kib()
            );
        }
    }
}

/// The most memory that this process has held so far; the sizes ascend.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    number.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0)
}

/// Each step takes an artifact of one before it and names another in an expression.
fn pipeline(steps: usize) -> String {
    let mut text = String::from("name: large\nsteps:\n");
    for i in 0..steps {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  s{i}:\n    run: [work, \"{i}\"]\n    outputs: {{ out: Artifact }}"
        );
        if i > 0 {
            let _ = writeln!(
                text,
                "    inputs: {{ before: s{}.out }}\n    env: {{ OTHER: \"${{{{ steps.s{}.state }}}}\" }}",
                i - 1,
                i / 2
            );
        }
    }
    text
}
