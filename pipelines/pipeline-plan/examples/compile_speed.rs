//! How long a large pipeline takes to compile: `cargo run --release --example compile_speed [STEPS]`.
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::fmt::Write as _;
use std::time::Instant;

use component_api::catalog::Catalog;
use pipeline_plan::compile_text;

fn main() {
    let steps = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let steps: usize = steps.unwrap_or(10_000);
    let good = pipeline(steps);
    let typo = good.replacen("outputs:", "output:", 1);
    for (what, text) in [("valid", good), ("with a mistake", typo)] {
        let begun = Instant::now();
        let compiled = compile_text(&text, &Catalog::default());
        let seconds = begun.elapsed().as_secs_f64();
        let found = compiled.diagnostics.len();
        println!("{steps} steps, {what}: {seconds:.3} s, {found} diagnostics");
    }
}

/// Each step takes an artifact of one before it and names another in an expression.
fn pipeline(steps: usize) -> String {
    let mut text = String::from("name: large\nsteps:\n");
    for i in 0..steps {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  step-{i}:\n    run: [work, \"{i}\"]\n    outputs: {{ out: Artifact }}"
        );
        if i > 0 {
            let _ = writeln!(
                text,
                "    inputs: {{ before: step-{}.out }}\n    env: {{ OTHER: \"${{{{ steps.step_{}.state }}}}\" }}",
                i - 1,
                i / 2
            );
        }
    }
    text
}
