//! The tour that a newcomer takes, word for word: on terminals of two widths, and without one.

use std::fmt::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::snapshots;
use crate::support::{Project, transcript};

/// Rows enough that nothing scrolls away.
const ROWS: u16 = 400;

/// What the commands are run on.
#[derive(Clone, Copy)]
enum On {
    /// A terminal with so many columns.
    Terminal(u16),
    /// Files.
    Nothing,
}

struct Tour {
    project: Project,
    /// Where commands are typed.
    folder: PathBuf,
    on: On,
    told: String,
}

impl Tour {
    /// Runs a command and keeps what it said.
    fn type_in(&mut self, arguments: &[&str]) {
        let _ = writeln!(self.told, "$ ropewalk {}", arguments.join(" "));
        let mut command = self.project.ropewalk(arguments);
        command.current_dir(&self.folder);
        let said = match self.on {
            On::Nothing => transcript(&command.output().expect("the binary can be started")),
            On::Terminal(columns) => {
                let output = on_terminal(columns, &command);
                let status = output.status.code().unwrap_or(-1);
                let screen = screen(&output.stdout, columns);
                format!("{screen}-- exit status {status}\n")
            }
        };
        self.told += &said;
        self.told += "\n";
    }

    /// Replaces a text in the pipeline, and gives the pipeline as it was.
    fn edit(&self, from: &str, to: &str) -> String {
        let before = self.project.read("shop/pipeline.yaml");
        assert!(before.contains(from), "{before}");
        self.write(&before.replace(from, to));
        before
    }

    fn write(&self, pipeline: &str) {
        self.project.write("shop/pipeline.yaml", pipeline);
    }
}

fn on_terminal(columns: u16, command: &Command) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests/terminal.py");
    let mut terminal = Command::new("python3");
    terminal
        .arg(script)
        .args([columns.to_string(), ROWS.to_string()])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().expect("it was given one"))
        .env_clear()
        .env("TERM", "xterm-256color");
    for (name, value) in command.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    terminal.output().expect("python3 is there")
}

/// What stands on a terminal at the end; lines that it broke are put together again.
fn screen(drawn: &[u8], columns: u16) -> String {
    let cells = |cells| NonZero::new(cells).expect("a terminal has cells");
    let mut parser = vt100::Parser::new(cells(ROWS), cells(columns), 0);
    parser.process(drawn);
    let screen = parser.screen();
    let mut text = String::new();
    for (number, row) in (0..ROWS).zip(screen.rows(0, columns)) {
        // Progress fills its lines with spaces up to the edge; such a line ends there.
        let is_full = row.trim_end().chars().count() == usize::from(columns);
        text += row.trim_end();
        if !(is_full && screen.row_wrapped(number)) {
            text.push('\n');
        }
    }
    text.trim_end().to_owned() + "\n"
}

fn tour(name: &str, on: On) {
    let project = Project::new("tour");
    let folder = project.folder();
    let mut tour = Tour {
        project,
        folder,
        on,
        told: String::new(),
    };
    tour.type_in(&["init", "shop", "--template", "tasks"]);
    tour.folder.push("shop");
    tour.type_in(&["graph", "pipeline.yaml"]);
    let right = tour.edit("select.large", "select.lareg");
    tour.type_in(&["validate", "pipeline.yaml"]);
    tour.write(&right);
    tour.type_in(&["run", "pipeline.yaml"]);
    // A value without its name.
    tour.edit("print \"total=\" total", "print total");
    tour.type_in(&["run", "pipeline.yaml"]);
    tour.write(&right);
    tour.type_in(&["run", "pipeline.yaml"]);
    tour.type_in(&["status"]);
    tour.type_in(&["logs", "latest", "tell"]);
    tour.type_in(&["show", "select.large"]);
    let stopped = tour
        .project
        .ropewalk(&["stop"])
        .current_dir(&tour.folder)
        .output();
    stopped.expect("the binary can be started");
    snapshots::check(name, &tour.project, &tour.told);
}

#[test]
fn on_a_terminal_of_80_columns() {
    tour("tour-terminal-80", On::Terminal(80));
}

#[test]
fn on_a_terminal_of_120_columns() {
    tour("tour-terminal-120", On::Terminal(120));
}

#[test]
fn without_a_terminal() {
    tour("tour-no-terminal", On::Nothing);
}
