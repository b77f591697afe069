//! The table of codes of failures: stable names, each with its meaning in one line.
//!
//! `docs/errors.md` has a section for each; a test holds the two against each other.

use std::fmt;

/// Declares the enum, its names and its meanings from one table.
macro_rules! codes {
    ($($variant:ident $name:literal $meaning:literal,)*) => {
        /// What kind of thing failed while a pipeline ran. Names never change once released: they
        /// are recorded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FailureCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl FailureCode {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name: `command_not_found`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence on what the code means.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// The code of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }
        }
    };
}

codes! {
    // Before there is a process.
    Expression "expression" "An expression could not be evaluated with the values that it met.",
    NoMatch "no_match" "No file matches a `files:` input, or a glob of `files:`.",
    FileNotFound "file_not_found" "A file that the step depends on is not there.",
    InputMissing "input_missing" "An input that the step needs was given nothing.",
    Resources "resources" "The step asks for more of the machine than it has.",
    InputInvalid "input_invalid" "What enters the step is not what the input's type says.",
    CommandNotFound "command_not_found" "There is no program of this name, or the interpreter of a script is not there.",
    NotExecutable "not_executable" "The program is a file without its run bit.",
    PermissionDenied "permission_denied" "The operating system does not let the step do this.",
    ExecFormat "exec_format" "The program is a file that this machine cannot execute.",
    LaunchRefused "launch_refused" "The attempt could not be started.",
    // While it runs.
    ExitStatus "exit_status" "The program ended with an exit status that says that it failed.",
    Signalled "signalled" "The program was ended by a signal that ropewalk did not send.",
    OutOfMemory "out_of_memory" "The kernel ended the program because memory had run out.",
    TimedOut "timed_out" "The attempt took longer than `timeout` allows.",
    Killed "killed" "The attempt was ended because somebody asked for it.",
    Lost "lost" "The attempt went with its keeper or its machine, too often.",
    // After it ended well.
    InputChanged "input_changed" "A file that the step reads changed while it was read.",
    OutputMissing "output_missing" "The step ended well but did not give an output that it declares.",
    OutputInvalid "output_invalid" "What the step gave is not what the output's type says.",
    OutputValue "output_value" "A value that the step gave cannot be read, or is of another type.",
    TooManyFiles "too_many_files" "An input or output has more files than one artifact may have.",
    ArtifactVanished "artifact_vanished" "An artifact that the step takes is not there any more as it was recorded.",
    DiskFull "disk_full" "The disk, or your share of it, is full.",
}

impl fmt::Display for FailureCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
