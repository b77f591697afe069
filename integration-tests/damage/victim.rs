//! A state folder that is damaged again and again, always from the same one.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::outputs;
use crate::processes::{end_processes, kill};
use crate::random::Random;
use crate::support::{Project, kill_process};

/// A command that takes longer hangs: the longest that it waits for anything here is 10 s.
const HANGS_AFTER: Duration = Duration::from_mins(1);

/// A project with a run that is over and one that was interrupted, and a copy of its state folder.
pub(super) struct Victim {
    pub(super) project: Project,
    /// The digests of the pipeline's outputs.
    pub(super) outputs: Vec<Value>,
    copy: PathBuf,
}

/// Other bytes in a file.
pub(super) struct Damage {
    file: String,
    what: String,
    bytes: Vec<u8>,
}

impl Victim {
    pub(super) fn make(name: &str) -> Self {
        let project = Project::new(name);
        let scratch = project.folder().with_file_name("scratch");
        fs::create_dir(&scratch).expect("a scratch folder can be written");
        project.write("pipeline.yaml", &pipeline(&scratch));
        let open = scratch.join("open");
        fs::write(&open, "").expect("a scratch folder can be written");
        let outputs = outputs(&[project.run_to_end()]);
        assert_eq!(outputs.len(), 2);
        // The next daemon begins with a snapshot of the store's.
        project.stop();
        fs::remove_file(&open).expect("it was made here");
        project.command(&["run", "pipeline.yaml", "--force", "second", "--detach"]);
        let waiting = scratch.join("waiting");
        while !waiting.exists() {
            thread::sleep(Duration::from_millis(1));
        }
        kill(&project, "daemon.json");
        kill(&project, "keeper.lock");
        let pid = fs::read_to_string(&waiting).expect("the step wrote it");
        kill_process(pid.trim().parse().expect("it is a number"));
        fs::write(&open, "").expect("a scratch folder can be written");
        let copy = scratch.join("copy");
        copy_folder(&project.state_dir(), &copy);
        Self {
            project,
            outputs,
            copy,
        }
    }

    /// Puts the state folder as it was into place, with this damage.
    pub(super) fn place(&self, damage: Option<&Damage>) {
        let state_dir = self.project.state_dir();
        fs::remove_dir_all(&state_dir).expect("the state folder can be removed");
        copy_folder(&self.copy, &state_dir);
        if let Some(damage) = damage {
            // Aside and in place: outputs are read-only.
            let path = state_dir.join(&damage.file);
            fs::remove_file(&path).expect("it is there");
            fs::write(&path, &damage.bytes).expect("the state folder can be written");
        }
    }

    /// The files of the state folder.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut open = vec![self.copy.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).expect("the copy can be read") {
                let path = entry.expect("the copy can be read").path();
                if path.is_symlink() {
                    continue;
                }
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let below = path.strip_prefix(&self.copy).expect("it lies there");
                files.push(below.to_string_lossy().into_owned());
            }
        }
        files.sort();
        files
    }

    pub(super) fn daemon_log(&self) -> String {
        let log = fs::read(self.project.state_dir().join("daemon.log"));
        String::from_utf8_lossy(&log.unwrap_or_default()).into_owned()
    }

    pub(super) fn end_processes(&self) {
        end_processes(&self.project);
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.copy.join(file)).expect("the copy can be read")
    }
}

impl Damage {
    /// Some damages of a file, each of another kind as long as there are such.
    pub(super) fn some_of(
        victim: &Victim,
        file: &str,
        times: usize,
        random: &mut Random,
    ) -> Vec<Self> {
        let first = random.below(3) as usize;
        let kinds = (first..first + times).map(|kind| kind % 3);
        kinds
            .filter_map(|kind| Self::one(victim, file, kind, random))
            .collect()
    }

    /// The file is cut off in the middle.
    pub(super) fn cut(victim: &Victim, file: &str) -> Self {
        let bytes = victim.read(file);
        Self {
            file: file.to_owned(),
            what: "cut off in the middle".to_owned(),
            bytes: bytes[..bytes.len() / 2].to_vec(),
        }
    }

    fn one(victim: &Victim, file: &str, kind: usize, random: &mut Random) -> Option<Self> {
        let mut bytes = victim.read(file);
        // What follows is space that is taken in advance.
        let used = bytes.iter().rposition(|&byte| byte != 0)? + 1;
        let place = random.below(used as u64) as usize;
        let what = match kind {
            0 => {
                let bit = random.below(8);
                bytes[place] ^= 1 << bit;
                format!("bit {bit} of byte {place} flipped")
            }
            1 => {
                bytes.truncate(place);
                format!("cut off after {place} bytes")
            }
            _ => {
                let noise = bytes[place..used].iter_mut().take(4096);
                noise.for_each(|byte| *byte = random.next() as u8);
                format!("noise from byte {place} on")
            }
        };
        Some(Self {
            file: file.to_owned(),
            what,
            bytes,
        })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.file, self.what)
    }
}

/// Runs a command to its end, which must come.
pub(super) fn within(mut command: Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary can be started");
    let pid = child.id();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(HANGS_AFTER) else {
        kill_process(pid);
        panic!("{command:?} hangs");
    };
    output.expect("its output can be read")
}

/// Three steps; the last one waits for ever unless a file is there.
fn pipeline(scratch: &Path) -> String {
    let scratch = scratch.display();
    format!(
        r#"name: damaged
steps:
  first:
    files: []
    outputs: {{ data: Artifact, rows: integer }}
    run: |
      mkdir "$OUTPUT_DATA"
      echo one > "$OUTPUT_DATA/one"
      echo two > "$OUTPUT_DATA/two"
      echo rows=2 >> "$ROPEWALK_OUTPUT"
  second:
    files: []
    inputs: {{ first: first.data }}
    outputs: {{ data: Artifact }}
    run: |
      cat "$INPUT_FIRST/one" "$INPUT_FIRST/two" > "$OUTPUT_DATA"
      echo that was all
  third:
    files: []
    needs: [second]
    run: |
      if [ ! -e {scratch}/open ]; then
        echo $$ > {scratch}/writing
        mv {scratch}/writing {scratch}/waiting
        exec sleep 1000
      fi
"#
    )
}

/// Copies files, folders and links; sockets are nobody's.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a scratch folder can be written");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let to = to.join(path.file_name().unwrap_or_default());
        let copied = if path.is_symlink() {
            let target = fs::read_link(&path).expect("it is a link");
            std::os::unix::fs::symlink(target, &to)
        } else if path.is_dir() {
            copy_folder(&path, &to);
            Ok(())
        } else if path.is_file() {
            fs::copy(&path, &to).map(drop)
        } else {
            Ok(())
        };
        copied.expect("a scratch folder can be written");
    }
}
