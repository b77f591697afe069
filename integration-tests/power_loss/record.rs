//! What a recorder saw (`recorder.c`): syncs with what they made durable, and what was sent.
//!
//! It knows the form of the record and nothing of what is in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A file or folder, whatever it is called: inode, and nanoseconds of birth, for numbers are used again.
pub(super) type Identity = (u64, i64);

/// What was done, in the order in which it was done.
#[derive(Debug)]
pub(super) enum Entry {
    /// A file's content, or a folder's names, became durable.
    Synced {
        call: Call,
        path: PathBuf,
        what: Identity,
        mode: u32,
        content: Content,
    },
    /// Something was said to another process. Recorded before it was sent.
    Sent(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Fsync,
    Fdatasync,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    File(Vec<u8>),
    Folder(BTreeMap<String, Name>),
}

/// What a name in a folder leads to.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) what: Identity,
    pub(super) mode: u32,
    /// Of a symbolic link.
    pub(super) target: String,
}

impl Entry {
    /// Whether something became durable.
    pub(super) fn is_sync(&self) -> bool {
        matches!(self, Self::Synced { .. })
    }

    /// The JSON documents that were sent, each on a line of its own.
    pub(super) fn documents(&self) -> Vec<Value> {
        let Self::Sent(bytes) = self else {
            return Vec::new();
        };
        let lines = bytes.split(|&byte| byte == b'\n');
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .filter(Value::is_object)
            .collect()
    }
}

/// Compiles the recorder, with the compiler that rustc itself links with.
pub(super) fn compile(folder: &Path) -> PathBuf {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests/power_loss/recorder.c");
    let library = folder.join("recorder.so");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"])
        .arg("-o")
        .args([&library, &source])
        .arg("-ldl");
    let output = compiler.output().expect("`cc` can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    library
}

/// Reads a record.
pub(super) fn read(path: &Path) -> Vec<Entry> {
    let bytes = fs::read(path).expect("there is a record");
    let mut rest = Reader(&bytes);
    let mut entries = Vec::new();
    while !rest.0.is_empty() {
        let length = rest.u32() as usize;
        entries.push(Reader(rest.take(length)).entry());
    }
    entries
}

/// Takes values off the front, in the machine's byte order.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.take(N);
        taken.try_into().expect("so many were taken")
    }

    fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.array())
    }

    fn bytes(&mut self) -> &'a [u8] {
        let length = self.u32() as usize;
        self.take(length)
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn identity(&mut self) -> (Identity, u32) {
        let inode = u64::from_ne_bytes(self.array());
        let birth = i64::from_ne_bytes(self.array());
        ((inode, birth), self.u32())
    }

    fn entry(mut self) -> Entry {
        let kind = self.u32();
        let _process = self.u32();
        if kind == 3 {
            return Entry::Sent(self.bytes().to_vec());
        }
        let call = match self.u32() {
            1 => Call::Fsync,
            _ => Call::Fdatasync,
        };
        let (what, mode) = self.identity();
        let path = PathBuf::from(self.text());
        let content = if kind == 1 {
            Content::File(self.bytes().to_vec())
        } else {
            let count = self.u32();
            Content::Folder((0..count).map(|_| self.name()).collect())
        };
        Entry::Synced {
            call,
            path,
            what,
            mode,
            content,
        }
    }

    fn name(&mut self) -> (String, Name) {
        let (what, mode) = self.identity();
        let (name, target) = (self.text(), self.text());
        (name, Name { what, mode, target })
    }
}
