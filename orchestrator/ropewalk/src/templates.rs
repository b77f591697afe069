//! The starter projects that `ropewalk init` writes: the files of `pipelines/templates`.

/// A starter project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Template {
    /// Which of two will it be? Rows of CSV to a published model
    Classification,
    /// How much will it be? Rows of CSV to a published model
    Regression,
    /// Plain commands with files between them
    Tasks,
}

/// A file: its path in the project, and its text.
pub(crate) type File = (&'static str, &'static str);

/// The files of a template; the pipeline is the first.
macro_rules! files {
    ($template:literal: $($path:literal $stored:literal,)*) => {
        &[$(($path, include_str!(concat!("../../../pipelines/templates/", $template, "/", $stored))),)*]
    };
}

impl Template {
    /// Its files.
    pub(crate) fn files(self) -> &'static [File] {
        match self {
            Self::Classification => files!["classification":
                "pipeline.yaml" "pipeline.yaml",
                "schema.yaml" "schema.yaml",
                "customers.csv" "customers.csv",
                "README.md" "README.md",
                ".gitignore" "gitignore",
            ],
            Self::Regression => files!["regression":
                "pipeline.yaml" "pipeline.yaml",
                "schema.yaml" "schema.yaml",
                "flats.csv" "flats.csv",
                "README.md" "README.md",
                ".gitignore" "gitignore",
            ],
            Self::Tasks => files!["tasks":
                "pipeline.yaml" "pipeline.yaml",
                "orders.csv" "orders.csv",
                "README.md" "README.md",
                ".gitignore" "gitignore",
            ],
        }
    }
}
