//! What a disk holds after the power failed: of every file the content, and of every folder the
//! names, that were last synced, and nothing else.
//!
//! A file that has a durable name and was never synced is there and empty. A folder that was never
//! synced is there and empty. What was never named in a synced folder is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::record::{Content, Entry, Identity, Name};
use crate::random::Random;

/// Disks write whole sectors of this size or a multiple of it: within one, nothing is torn.
const SECTOR_BYTES: usize = 512;

/// Bits of a mode that tell the kind of a file.
const KIND: u32 = 0o170_000;
const LINK: u32 = 0o120_000;
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SOCKET: u32 = 0o140_000;

/// A disk.
#[derive(Debug, Default)]
pub(super) struct Image {
    contents: BTreeMap<Identity, (u32, Content)>,
}

impl Image {
    /// After these entries, of which only those count that `counts` says yes to.
    pub(super) fn after(entries: &[Entry], counts: impl Fn(&Entry) -> bool) -> Self {
        let mut image = Self::default();
        for entry in entries.iter().filter(|entry| counts(entry)) {
            if let Entry::Synced {
                what,
                mode,
                content,
                ..
            } = entry
            {
                image.contents.insert(*what, (*mode, content.clone()));
            }
        }
        image
    }

    /// The power fails in the middle of this sync: each changed sector, or name, is there or is not.
    pub(super) fn tear(&mut self, entry: &Entry, random: &mut Random) {
        let Entry::Synced {
            what,
            mode,
            content,
            ..
        } = entry
        else {
            return;
        };
        let old = self.contents.remove(what).map(|(_, content)| content);
        let content = match (old, content) {
            (Some(Content::File(old)), Content::File(new)) => torn_file(&old, new, random),
            (_, Content::File(new)) => torn_file(&[], new, random),
            (Some(Content::Folder(old)), Content::Folder(new)) => torn_folder(&old, new, random),
            (_, Content::Folder(new)) => torn_folder(&BTreeMap::new(), new, random),
        };
        self.contents.insert(*what, (*mode, content));
    }

    /// Writes what the folder `root` durably holds under `name`, if it does. No answer if it does not.
    pub(super) fn write(&self, root: Identity, name: &str, to: &Path) -> io::Result<bool> {
        let Some((_, Content::Folder(names))) = self.contents.get(&root) else {
            return Ok(false);
        };
        match names.get(name) {
            Some(found) => self.write_one(found, to).map(|()| true),
            None => Ok(false),
        }
    }

    fn write_one(&self, name: &Name, to: &Path) -> io::Result<()> {
        let durable = self.contents.get(&name.what);
        let mode = durable.map_or(name.mode, |(mode, _)| *mode);
        match name.mode & KIND {
            LINK => return symlink(&name.target, to),
            // A name without anybody who listens.
            SOCKET => return UnixListener::bind(to).map(drop),
            FILE => match durable {
                Some((_, Content::File(content))) => fs::write(to, content)?,
                _ => fs::write(to, "")?,
            },
            FOLDER => {
                fs::create_dir(to)?;
                if let Some((_, Content::Folder(names))) = durable {
                    for (name, found) in names {
                        self.write_one(found, &to.join(name))?;
                    }
                }
            }
            _ => return Ok(()),
        }
        fs::set_permissions(to, Permissions::from_mode(mode & 0o7777))
    }
}

fn torn_file(old: &[u8], new: &[u8], random: &mut Random) -> Content {
    let length = if random.coin() { old.len() } else { new.len() };
    let mut torn = vec![0; length];
    for (at, sector) in torn.chunks_mut(SECTOR_BYTES).enumerate() {
        let source = if random.coin() { old } else { new };
        // Where there was nothing before, there are zeros.
        let source = source.get(at * SECTOR_BYTES..).unwrap_or_default();
        let length = sector.len().min(source.len());
        sector[..length].copy_from_slice(&source[..length]);
    }
    Content::File(torn)
}

fn torn_folder(
    old: &BTreeMap<String, Name>,
    new: &BTreeMap<String, Name>,
    random: &mut Random,
) -> Content {
    let mut torn = BTreeMap::new();
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (old, new) = (old.get(name), new.get(name));
        let is_same = old.map(|name| name.what) == new.map(|name| name.what);
        let kept = if is_same || random.coin() { new } else { old };
        torn.extend(kept.map(|kept| (name.clone(), kept.clone())));
    }
    Content::Folder(torn)
}
