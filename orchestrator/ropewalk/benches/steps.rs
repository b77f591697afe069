//! Steps per second, beside the floor: the same commands by bare `posix_spawn`, in the same minute.
//!
//!     cargo bench -p ropewalk --bench steps -- [--steps 10000] [--rounds 7] [--slots 64]
//!
//! The workload is a layered random graph of steps that write one byte each; a variable of its own
//! keeps each from being reused for another. A round runs it once through the real binary (client,
//! daemon, keeper, sled, everything durable) in a fresh state folder, and once as the floor: the same
//! number of processes, each with a log file of its own, at the same parallelism, in the order of the
//! numbers and without any graph. Rounds are interleaved; medians are printed, and their ratio.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod workload;

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use workload::{Failure, PROGRAM, argument, median, pipeline};

fn main() -> Result<(), Failure> {
    let steps = argument("--steps", 10_000)?;
    let rounds = argument("--rounds", 7)?;
    let slots = argument("--slots", 64)?;
    let scratch = tempfile::Builder::new()
        .prefix("ropewalk-bench-")
        .tempdir()?;
    let (mut floor, mut ours, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let folder = scratch.path().join(format!("floor-{round}"));
        floor.push(run_floor(&folder, steps, slots)?);
        let folder = scratch.path().join(format!("ours-{round}"));
        let (first, unchanged) = run_ours(&folder, steps, slots)?;
        ours.push(first);
        again.push(unchanged);
        println!(
            "round {round}: floor {:?}, ropewalk {first:?}, again {unchanged:?}",
            floor[round]
        );
    }
    let (floor, ours, again) = (median(floor), median(ours), median(again));
    let rate = |time: Duration| steps as f64 / time.as_secs_f64();
    println!("floor       {:>8.0} tasks/s", rate(floor));
    println!("ropewalk    {:>8.0} steps/s", rate(ours));
    println!("ratio       {:>8.2}", rate(ours) / rate(floor));
    println!(
        "again       {:>8.3} s for the same run once more",
        again.as_secs_f64()
    );
    Ok(())
}

/// The processes alone: at most `slots` at once.
fn run_floor(folder: &Path, tasks: usize, slots: usize) -> Result<Duration, Failure> {
    fs::create_dir_all(folder)?;
    let began = Instant::now();
    let mut running: HashMap<u32, Child> = HashMap::new();
    for task in 0..tasks {
        if running.len() == slots {
            wait_for_one(&mut running)?;
        }
        let log = File::create(folder.join(format!("{task}.log")))?;
        let child = Command::new(PROGRAM)
            .arg("x")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        running.insert(child.id(), child);
    }
    while !running.is_empty() {
        wait_for_one(&mut running)?;
    }
    Ok(began.elapsed())
}

fn wait_for_one(running: &mut HashMap<u32, Child>) -> Result<(), Failure> {
    let ended = rustix::process::wait(rustix::process::WaitOptions::empty())?;
    let (pid, _) = ended.ok_or("no child to wait for")?;
    running.remove(&pid.as_raw_nonzero().get().unsigned_abs());
    Ok(())
}

/// The same through the product; then once more without a change.
fn run_ours(folder: &Path, steps: usize, slots: usize) -> Result<(Duration, Duration), Failure> {
    fs::create_dir_all(folder)?;
    let file = folder.join("pipeline.yaml");
    fs::write(&file, pipeline(steps))?;
    let state = folder.join(".ropewalk");
    let run = || -> Result<Duration, Failure> {
        let began = Instant::now();
        let end = Command::new(env!("CARGO_BIN_EXE_ropewalk"))
            .args(["run", "-q", "--slots", &slots.to_string(), "--state"])
            .arg(&state)
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        if !end.success() {
            return Err(format!(
                "the run ended with {end}; its state is in {}",
                state.display()
            )
            .into());
        }
        Ok(began.elapsed())
    };
    let (first, again) = (run()?, run()?);
    Command::new(env!("CARGO_BIN_EXE_ropewalk"))
        .arg("stop")
        .arg("--state")
        .arg(&state)
        .stdout(Stdio::null())
        .status()?;
    Ok((first, again))
}
