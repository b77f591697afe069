//! Reading what lies in artifacts, over the API: JSON files, splits, the list of files.
//!
//! It knows which files each type is shown by, not what they mean. Nothing here fails: what is not
//! there or cannot be read is simply not shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use orchestrator_api::{ArtifactFile, Client, FilesQuery};
use serde_json::Value;

use crate::limits::{LISTED_FILES_MAX, LISTED_PAGE, SHOWN_FILE_BYTES_MAX, SHOWN_LINES_MAX};

/// What a split's folder is called, before the split's name.
const SPLIT_PREFIX: &str = "Split-";

/// The page of an evaluation for people.
pub(crate) const REPORT: &str = "report.html";

/// What was read of an artifact.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Its files, by path.
    files: Vec<ArtifactFile>,
    /// Whether it has more of them.
    more: bool,
    /// What is in those that matter, by path.
    read: BTreeMap<String, Vec<u8>>,
}

/// What an artifact is shown by.
enum Shown {
    /// This file.
    By(&'static str),
    /// This file of each split.
    BySplits(&'static str),
    /// The file that it is, or the first JSON file in it.
    ByOnlyJson,
    /// The list of its files.
    ByList,
}

fn shown(artifact_type: &str) -> Shown {
    match artifact_type {
        "Files" => Shown::By("files.json"),
        "Schema" => Shown::By("schema.yaml"),
        "TransformGraph" => Shown::By("transform.json"),
        "Model" => Shown::By("signature.json"),
        "Evaluation" => Shown::By("evaluation.json"),
        "Blessing" => Shown::By("blessing.json"),
        "PushedModel" => Shown::By("pushed.json"),
        "Statistics" => Shown::BySplits("statistics.json"),
        "Anomalies" => Shown::BySplits("anomalies.json"),
        "Metrics" | "HyperParameters" => Shown::ByOnlyJson,
        _ => Shown::ByList,
    }
}

impl Content {
    /// Reads what an artifact of this type is shown by.
    pub(crate) async fn read(client: &Client, artifact: &str, artifact_type: &str) -> Self {
        let shown = shown(artifact_type);
        if let Shown::By(file) = shown {
            let mut content = Self::default();
            content.take(client, artifact, file).await;
            return content;
        }
        let mut content = Self::list(client, artifact).await;
        match shown {
            Shown::BySplits(file) => {
                for split in content.splits() {
                    let path = of_split(&split, file);
                    content.take(client, artifact, &path).await;
                }
            }
            Shown::ByOnlyJson => {
                if let Some(path) = content.only_json_path() {
                    content.take(client, artifact, &path).await;
                }
            }
            Shown::By(_) | Shown::ByList => {}
        }
        content
    }

    /// Reads the list of an artifact's files.
    pub(crate) async fn list(client: &Client, artifact: &str) -> Self {
        let mut content = Self::default();
        let mut query = FilesQuery {
            limit: Some(LISTED_PAGE),
            cursor: None,
        };
        while let Ok(page) = client.artifact_files(artifact, &query).await {
            content.files.extend(page.files);
            query.cursor = page.next_cursor;
            content.more = query.cursor.is_some();
            if !content.more || content.files.len() >= LISTED_FILES_MAX {
                break;
            }
        }
        content
    }

    async fn take(&mut self, client: &Client, artifact: &str, path: &str) {
        let file = client.artifact_file(artifact, path, SHOWN_FILE_BYTES_MAX);
        if let Ok(Some(bytes)) = file.await {
            self.read.insert(path.to_owned(), bytes);
        }
    }

    /// A JSON file.
    pub(crate) fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_slice(self.read.get(path)?).ok()
    }

    /// A JSON file of a split.
    pub(crate) fn json_of_split(&self, split: &str, file: &str) -> Option<Value> {
        self.json(&of_split(split, file))
    }

    /// The only JSON file.
    pub(crate) fn only_json(&self) -> Option<Value> {
        self.json(&self.only_json_path()?)
    }

    /// A file at its top that is called so, or the one file that it consists of.
    fn only_json_path(&self) -> Option<String> {
        let is_json = |file: &&ArtifactFile| {
            let path = Path::new(&file.path);
            path.extension() == Some("json".as_ref()) && path.components().count() == 1
        };
        let found = self.files.iter().find(is_json);
        let only = match &self.files[..] {
            [only] => Some(only),
            _ => None,
        };
        found.or(only).map(|file| file.path.clone())
    }

    /// The first lines of a text file.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let text = String::from_utf8_lossy(self.read.get(path)?);
        let mut lines: Vec<&str> = text.lines().take(SHOWN_LINES_MAX + 1).collect();
        if lines.len() > SHOWN_LINES_MAX {
            lines[SHOWN_LINES_MAX] = "...";
        }
        Some(lines.join("\n"))
    }

    /// Names of its splits that hold a file.
    pub(crate) fn splits(&self) -> Vec<String> {
        let names = self.files.iter().filter_map(|file| {
            let (folder, _) = file.path.split_once('/')?;
            folder.strip_prefix(SPLIT_PREFIX).map(str::to_owned)
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The files of a split: how many, and the sum of their sizes.
    pub(crate) fn size_of_split(&self, split: &str) -> (usize, u64) {
        let folder = of_split(split, "");
        let files = self.files.iter().filter(|f| f.path.starts_with(&folder));
        files.fold((0, 0), |(count, bytes), file| {
            (count + 1, bytes + file.size_bytes)
        })
    }

    /// Its files with their sizes, as many as are shown, and whether there are more.
    pub(crate) fn listing(&self) -> (&[ArtifactFile], bool) {
        let shown = self.files.len().min(SHOWN_LINES_MAX);
        (&self.files[..shown], self.more || shown < self.files.len())
    }

    /// Whether it has this file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }
}

fn of_split(split: &str, file: &str) -> String {
    format!("{SPLIT_PREFIX}{split}/{file}")
}
