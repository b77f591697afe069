//! Failures: each kind has its code and a sentence for the person who reads it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use run_engine::decide::AttemptOutcome;
use run_engine::plan::Action;
use run_engine::reason::Failure;
use run_executor::limits::COMMAND_BYTES_MAX;

use crate::support::{Step, World};

fn command(world: &mut World, words: &[&str]) -> Step {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let mut step = world.step(Action::Command(words.clone()));
    step.key.command = words;
    step
}

/// The code, and words that the message and the hint must have.
fn check(failure: &Failure, code: &str, message: &str, hint: &str) {
    assert_eq!(failure.code, code, "{failure:?}");
    assert!(failure.message.contains(message), "{failure:?}");
    assert!(failure.hint.contains(hint), "{failure:?}");
}

#[test]
fn an_exit_status_is_named() {
    let mut world = World::new();
    let step = world.shell("exit 7");
    let report = world.run(&step);
    assert_eq!(report.exit.unwrap().code, Some(7));
    let AttemptOutcome::Failed(failure) = report.outcome else {
        panic!("{:?}", report.outcome);
    };
    check(&failure, "exit_status", "exit status 7", "");
}

#[test]
fn what_a_shell_says_by_its_status_is_explained() {
    let mut world = World::new();
    let step = world.shell("trian --fast");
    check(&world.failure(&step), "exit_status", "127", "not found");
    let step = world.shell("sh -c 'kill -KILL $$'");
    check(&world.failure(&step), "exit_status", "137", "SIGKILL");
}

#[test]
fn a_components_own_reason_is_told() {
    let mut world = World::new();
    let text = r#"printf '{"reason": "row 3 has 2 cells", "hint": "mend it"}' > "$OUT"; exit 1"#;
    let mut step = world.shell(text);
    let out = step.path(&step.layout().executor_output());
    step.key
        .env
        .insert("OUT".to_owned(), out.display().to_string());
    check(
        &world.failure(&step),
        "exit_status",
        "row 3 has 2 cells",
        "mend it",
    );
}

#[test]
fn a_signal_is_named_and_memory_is_guessed_only_when_nobody_here_sent_it() {
    let mut world = World::new();
    let step = world.shell("kill -KILL $$");
    check(
        &world.failure(&step),
        "signalled",
        "signal 9 (SIGKILL)",
        "memory",
    );
    let step = world.shell("kill -SEGV $$");
    check(
        &world.failure(&step),
        "signalled",
        "signal 11 (SIGSEGV)",
        "crashed",
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let mut world = World::new();
    let step = command(&mut world, &["trian", "--fast"]);
    check(
        &world.failure(&step),
        "command_not_found",
        "`trian`",
        "install it",
    );
    let step = command(&mut world, &["./train.py"]);
    check(&world.failure(&step), "command_not_found", "train.py", "");
}

#[test]
fn a_program_that_is_not_executable_is_named() {
    let mut world = World::new();
    let path = world.write("train.py", "print()\n");
    let step = command(&mut world, &["./train.py"]);
    check(
        &world.failure(&step),
        "not_executable",
        "train.py",
        "chmod +x",
    );
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    let step = command(&mut world, &["./train.py"]);
    check(
        &world.failure(&step),
        "exec_format",
        "train.py",
        "first line",
    );
}

#[test]
fn what_the_system_would_not_take_is_refused_before() {
    let mut world = World::new();
    let long = "x".repeat(COMMAND_BYTES_MAX + 1);
    let step = command(&mut world, &["echo", &long]);
    check(
        &world.failure(&step),
        "launch_refused",
        "argument 1 has",
        "ROPEWALK_EXECUTOR_INPUT",
    );
    let part = "x".repeat(100_000);
    let mut words = vec!["echo"];
    words.resize(2 + COMMAND_BYTES_MAX / part.len(), &part);
    let step = command(&mut world, &words);
    check(
        &world.failure(&step),
        "launch_refused",
        "arguments",
        "files",
    );
}

#[test]
fn a_project_that_was_removed_is_named() {
    let mut world = World::new();
    let mut step = world.shell("true");
    step.project = world.project().join("moved");
    check(&world.failure(&step), "launch_refused", "moved", "");
}

#[test]
fn a_full_disk_is_named() {
    let mut world = World::new();
    let step = world.shell("true");
    let json = step.path(&step.layout().executor_input());
    fs::create_dir_all(json.parent().unwrap()).unwrap();
    symlink("/dev/full", &json).unwrap();
    check(
        &world.failure(&step),
        "disk_full",
        "train.1.json",
        "free some space",
    );
}

#[test]
fn an_output_that_is_not_there_is_named() {
    let mut world = World::new();
    let step = world.shell("true").output("model", "Artifact");
    check(
        &world.failure(&step),
        "output_missing",
        "`model`",
        "$OUTPUT_MODEL",
    );
    let step = world.shell("true").output("rows", "integer");
    check(
        &world.failure(&step),
        "output_missing",
        "`rows`",
        "rows=VALUE",
    );
}

#[test]
fn values_of_another_type_are_shown() {
    let mut world = World::new();
    let cases = [
        ("integer", "1.5"),
        ("integer", "many"),
        ("number", "nan"),
        ("number", ""),
        ("boolean", "yes"),
        ("list", "{}"),
        ("map", "[1]"),
        ("map", "{"),
    ];
    for (kind, text) in cases {
        let step = world.shell(&format!("printf 'x=%s\\n' '{text}' > \"$ROPEWALK_OUTPUT\""));
        let failure = world.failure(&step.output("x", kind));
        check(&failure, "output_value", "`x`", "");
        assert!(failure.message.contains(kind), "{failure:?}");
    }
}

#[test]
fn a_value_that_nobody_declared_is_a_typing_error() {
    let mut world = World::new();
    let step = world.shell("echo rosw=1 > \"$ROPEWALK_OUTPUT\"; echo 1 > \"$OUTPUT_ROWS\"");
    let failure = world.failure(&step.output("rows", "integer"));
    check(&failure, "output_value", "`rosw`", "`rows`");
    let step = world.shell("echo rows=1 > \"$ROPEWALK_OUTPUT\"");
    check(
        &world.failure(&step),
        "output_value",
        "`rows`",
        "declare it",
    );
}

#[test]
fn lines_that_are_no_values_are_shown_by_number() {
    let mut world = World::new();
    for (text, line) in [("a=1\\nrows\\n", "line 2"), ("rows<<END\\n1\\n", "line 1")] {
        let step = world.shell(&format!("printf '{text}' > \"$ROPEWALK_OUTPUT\""));
        let failure = world.failure(&step.output("rows", "integer").output("a", "integer"));
        check(&failure, "output_value", line, "name=value");
    }
}

#[test]
fn garbage_in_place_of_an_answer_is_a_failure() {
    let mut world = World::new();
    let mut step = world.shell("echo garbage > \"$OUT\"");
    let out = step.path(&step.layout().executor_output());
    step.key
        .env
        .insert("OUT".to_owned(), out.display().to_string());
    check(
        &world.failure(&step),
        "output_invalid",
        "no ExecutorOutput",
        "",
    );
}

#[test]
fn a_link_in_an_output_is_refused() {
    let mut world = World::new();
    for text in [
        "ln -s /etc/passwd \"$OUTPUT_DATA\"",
        "mkdir \"$OUTPUT_DATA\"; ln -s /etc \"$OUTPUT_DATA/etc\"",
    ] {
        let step = world.shell(text).output("data", "Artifact");
        check(
            &world.failure(&step),
            "output_invalid",
            "symbolic link",
            "copy",
        );
    }
    let step = world
        .shell("mkfifo \"$OUTPUT_DATA\"")
        .output("data", "Artifact");
    check(&world.failure(&step), "output_invalid", "pipe", "");
}

#[test]
fn a_type_that_is_not_kept_is_named() {
    let mut world = World::new();
    let cases = [
        (
            "Model",
            "mkdir \"$OUTPUT_X\"; touch \"$OUTPUT_X/model.onnx\"",
            "signature.json",
        ),
        ("Model", "touch \"$OUTPUT_X\"", "a file and not a folder"),
        (
            "Examples",
            "mkdir -p \"$OUTPUT_X/Split-train\"",
            "*.parquet",
        ),
        ("Examples", "mkdir \"$OUTPUT_X\"", "Split-NAME"),
        ("Metrics", "echo auc=1 > \"$OUTPUT_X\"", "no JSON"),
        ("Metrics", "mkdir \"$OUTPUT_X\"", "*.json"),
    ];
    for (kind, text, words) in cases {
        let step = world.shell(text).output("x", kind);
        let failure = world.failure(&step);
        check(&failure, "output_invalid", words, "`Artifact`");
        assert!(failure.message.contains(kind), "{failure:?}");
    }
}

#[test]
fn a_file_that_changes_while_the_step_reads_it_fails_the_step() {
    let mut world = World::new();
    world.write("data.csv", "1\n");
    let mut task = world.preparation();
    task.files
        .insert("rows".to_owned(), vec!["data.csv".to_owned()]);
    let prepared = world.prepare(&task).unwrap();
    for (text, words) in [
        ("echo 2 >> data.csv", "was changed"),
        ("rm data.csv", "was removed"),
    ] {
        let step = world.shell(text).files("rows", &prepared);
        check(
            &world.failure(&step),
            "input_changed",
            words,
            "run it again",
        );
    }
}

#[test]
fn a_refusal_gives_its_outputs_and_its_reason() {
    let mut world = World::new();
    let text = "echo 3 > \"$OUTPUT_N\"; echo '{\"reason\": \"3 > 2\"}' > \"$OUT\"; exit 65";
    let mut step = world.shell(text).output("n", "integer");
    let out = step.path(&step.layout().executor_output());
    step.key
        .env
        .insert("OUT".to_owned(), out.display().to_string());
    match world.run(&step).outcome {
        AttemptOutcome::Refused { outputs, reason } => {
            assert_eq!(outputs.parameters["n"], 3);
            assert_eq!(reason, "3 > 2");
        }
        other => panic!("{other:?}"),
    }
    // A refusal without what it promised is a failure.
    let step = world.shell("exit 65").output("n", "integer");
    check(&world.failure(&step), "output_missing", "`n`", "");
}
