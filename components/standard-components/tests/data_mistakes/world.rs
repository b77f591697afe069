//! Rows, a schema, and the components that are run on them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::attempt::{Attempt, Ended};

/// Rows that fit the schema.
pub(crate) const ROWS: &str = "id,x,word\n1,1.5,a\n2,2.5,b\n3,3.5,a\n4,4.5,b\n5,5.5,a\n6,6.5,b\n";
/// A schema of them.
pub(crate) const SCHEMA: &str = "default_environment: [TRAINING, SERVING]\nfeature:\n- name: id\n  type: INT\n- name: x\n  \
                      type: FLOAT\n  float_domain: { max: 10.0 }\n- name: word\n  type: BYTES\n";

/// A folder with rows and their schema.
pub(crate) struct World {
    root: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            root: tempfile::tempdir().unwrap(),
        };
        world.write("rows.csv", ROWS);
        world.write("schema.yaml", SCHEMA);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub(crate) fn attempt(&self, component: &str) -> Attempt {
        let count = fs::read_dir(self.root.path()).unwrap().count();
        Attempt::new(component, &self.path(&format!("{component}-{count}")))
    }

    pub(crate) fn ingest(&self, text: &str) -> Ended {
        let file = self.write("data.csv", text);
        self.attempt("ingest").input("source", &file).run()
    }

    /// Statistics of these rows.
    pub(crate) fn statistics(&self, text: &str) -> PathBuf {
        let examples = self.ingest(text).succeeded().path("examples");
        let attempt = self.attempt("statistics").input("examples", &examples);
        attempt.run().succeeded().path("statistics")
    }

    pub(crate) fn transform(&self, label: Value, features: Value) -> Ended {
        let examples = self.ingest(ROWS).succeeded().path("examples");
        self.attempt("transform")
            .input("examples", &examples)
            .input("schema", &self.path("schema.yaml"))
            .param("label", label)
            .param("features", features)
            .run()
    }
}

/// A failure whose reason, without the temporary folder, is this.
#[track_caller]
pub(crate) fn fails(world: &World, ended: &Ended, expected: &str) {
    assert_eq!(ended.status, 1, "{expected}");
    let root = format!("{}/", world.root.path().display());
    let reason = ended.output.reason.replace(&root, "");
    assert!(
        reason.contains(expected),
        "{reason}\ndoes not say\n{expected}"
    );
}
