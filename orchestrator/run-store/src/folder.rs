//! The state folder before there is a store in it: where it may lie, and which format it has.
//!
//! It does not know what the store holds.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::objects::sync_folder;

/// The format that is written. Raised by whatever an older binary would misread.
pub(crate) const FORMAT: u32 = 1;

const FORMAT_FILE: &str = "format";
const FORMAT_WORDS: &str = "ropewalk state ";

/// File systems, by the number that `statfs` gives, on which locks or syncs cannot be relied on.
const REFUSED_FILESYSTEMS: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "SMB (cifs)"),
    (0xFE53_4D42, "SMB 2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
];

/// The folders of a state folder that hold the store.
#[derive(Debug)]
pub(crate) struct Folders {
    /// sled's own.
    pub(crate) database: PathBuf,
    /// Content-addressed files.
    pub(crate) objects: PathBuf,
}

/// Makes what is not there, and refuses what cannot be worked with.
pub(crate) fn prepare(state_dir: &Path) -> Result<Folders, OpenError> {
    make_folder(state_dir)?;
    refuse_filesystem(state_dir)?;
    let folders = Folders {
        database: state_dir.join("db"),
        objects: state_dir.join("objects"),
    };
    check_format(state_dir, &folders)?;
    make_folder(&folders.database)?;
    make_folder(&folders.objects)?;
    sync_folder(state_dir).map_err(|source| OpenError::Io {
        action: "syncing",
        path: state_dir.to_owned(),
        source,
    })?;
    Ok(folders)
}

/// Makes a folder that only its owner enters: runs hold environments and data.
fn make_folder(path: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| OpenError::Io {
        action: "creating",
        path: path.to_owned(),
        source,
    })
}

fn refuse_filesystem(state_dir: &Path) -> Result<(), OpenError> {
    let found = rustix::fs::statfs(state_dir).map_err(|error| OpenError::Io {
        action: "looking at",
        path: state_dir.to_owned(),
        source: error.into(),
    })?;
    // The number is 32 bits wide; its field is signed or wider, by architecture.
    let number = found.f_type as u32;
    match REFUSED_FILESYSTEMS.iter().find(|(n, _)| *n == number) {
        Some((_, kind)) => Err(OpenError::Filesystem {
            path: state_dir.to_owned(),
            kind,
        }),
        None => Ok(()),
    }
}

fn check_format(state_dir: &Path, folders: &Folders) -> Result<(), OpenError> {
    let path = state_dir.join(FORMAT_FILE);
    let problem = match fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
        Ok(text) => match format_number(&text) {
            Some(found) if found > FORMAT => {
                return Err(OpenError::Newer {
                    path: state_dir.to_owned(),
                    found,
                    newest: FORMAT,
                });
            }
            Some(FORMAT) => return Ok(()),
            _ => format!("it holds {:?}", text.chars().take(40).collect::<String>()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The file is written before the database is made.
            if !folders.database.exists() {
                sync_above(state_dir)?;
                return write_new(state_dir, &path);
            }
            "it is not there, although there is a database".to_owned()
        }
        Err(source) => {
            return Err(OpenError::Io {
                action: "reading",
                path,
                source,
            });
        }
    };
    Err(OpenError::Format { path, problem })
}

/// Makes the state folder's own name durable, and those of the folders above it: any of them may have
/// just been made. What is on another file system was there before, and so was what may not be read.
fn sync_above(state_dir: &Path) -> Result<(), OpenError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io {
            action: "syncing",
            path,
            source,
        }
    };
    let absolute = std::path::absolute(state_dir).map_err(failed(state_dir))?;
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev());
    let own = device(&absolute).map_err(failed(&absolute))?;
    for above in absolute.ancestors().skip(1) {
        if device(above).map_err(failed(above))? != own {
            break;
        }
        match sync_folder(above) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            synced => synced.map_err(failed(above))?,
        }
    }
    Ok(())
}

fn format_number(text: &str) -> Option<u32> {
    text.trim_end().strip_prefix(FORMAT_WORDS)?.parse().ok()
}

/// Writes what a new state folder begins with.
fn write_new(state_dir: &Path, format: &Path) -> Result<(), OpenError> {
    // Nothing in the folder belongs into git.
    let ignore = state_dir.join(".gitignore");
    if !ignore.exists() {
        write_durably(state_dir, &ignore, "*\n")?;
    }
    write_durably(state_dir, format, &format!("{FORMAT_WORDS}{FORMAT}\n"))
}

fn write_durably(folder: &Path, path: &Path, text: &str) -> Result<(), OpenError> {
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let written = File::create(&aside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&aside, path))
        .and_then(|()| sync_folder(folder));
    written.map_err(|source| OpenError::Io {
        action: "writing",
        path: path.to_owned(),
        source,
    })
}
