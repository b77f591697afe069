//! Where everything of an attempt lies, relative to the state folder.
//!
//! Pure: it touches no file. The words of these paths are a promise to users (`runs/RUN/...`).

use run_engine::ids::RunId;

/// The paths of one attempt, with `/`, relative to the state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLayout {
    run_folder: String,
    /// `STEP.N`.
    name: String,
}

/// The run's folder: `runs/RUN`.
pub fn run_folder(run: RunId) -> String {
    format!("runs/{run}")
}

/// Scratch of those attempts of a run that have no folder of their own.
pub fn shared_work_folder(run: RunId) -> String {
    format!("runs/{run}/work")
}

/// The folder that survives the attempts of a step with this reuse key, in whatever run: who tries the
/// same again goes on from there.
pub fn checkpoint_folder(step: &str, key: &str) -> String {
    // Enough of the key that no two of one step meet, and short enough for a name.
    let key = key.get(..32).unwrap_or(key);
    format!("checkpoints/{step}-{key}")
}

impl AttemptLayout {
    /// Of attempt `number` of a step.
    ///
    /// ```
    /// use run_executor::layout::AttemptLayout;
    /// # use run_engine::ids::RunId;
    /// let run = RunId("0198c1d2-7a3b-7c4d-8e5f-60718293a4b5".parse().unwrap());
    /// let attempt = AttemptLayout::new(run, "train", 1);
    /// assert_eq!(attempt.log(), "runs/0198c1d2-7a3b-7c4d-8e5f-60718293a4b5/train.1.log");
    /// assert_eq!(attempt.output("model"), "runs/0198c1d2-7a3b-7c4d-8e5f-60718293a4b5/train.1/outputs/model");
    /// ```
    pub fn new(run: RunId, step: &str, number: u32) -> Self {
        Self {
            run_folder: run_folder(run),
            name: format!("{step}.{number}"),
        }
    }

    /// The places of whoever tries a step by hand: as an attempt's, and no attempt's.
    pub fn by_hand(run: RunId, step: &str) -> Self {
        Self {
            run_folder: run_folder(run),
            name: format!("{step}.shell"),
        }
    }

    /// Its log, always there.
    pub fn log(&self) -> String {
        self.flat("log")
    }

    /// Its `ExecutorInput`, always there.
    pub fn executor_input(&self) -> String {
        self.flat("json")
    }

    /// Where it may leave its `ExecutorOutput`.
    pub fn executor_output(&self) -> String {
        self.flat("out.json")
    }

    /// The file of `$ROPEWALK_OUTPUT`.
    pub fn output_values(&self) -> String {
        self.flat("output")
    }

    /// The file for the value of one output parameter.
    pub fn output_value(&self, port: &str) -> String {
        self.flat(&format!("{port}.value"))
    }

    /// The folder of an attempt that has artifacts in its outputs or a Files input.
    pub fn folder(&self) -> String {
        format!("{}/{}", self.run_folder, self.name)
    }

    /// The folder of its output artifacts.
    pub fn outputs(&self) -> String {
        format!("{}/outputs", self.folder())
    }

    /// An output artifact: a file or a folder, made by the step.
    pub fn output(&self, port: &str) -> String {
        format!("{}/outputs/{port}", self.folder())
    }

    /// The folder of a Files input, which holds `files.json`: what the artifact's `path` is.
    pub fn files_input(&self, port: &str) -> String {
        format!("{}/inputs/{port}", self.folder())
    }

    /// Scratch of an attempt that has a folder.
    pub fn work(&self) -> String {
        format!("{}/work", self.folder())
    }

    fn flat(&self, ending: &str) -> String {
        format!("{}/{}.{ending}", self.run_folder, self.name)
    }
}
