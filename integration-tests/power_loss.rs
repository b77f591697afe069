//! The power fails: every acknowledged event, and every artifact of a recorded success, is still there.
//!
//! The real binary runs a pipeline under a recorder that is preloaded (`power_loss/recorder.c`): after
//! each `fsync` and `fdatasync` it notes what that made durable, and before each message to another
//! process what it says. From the record, the disk at any moment is built as a power failure would
//! leave it: without anything that was not synced. The binary then opens what is left.
//!
//! One record serves for all moments, and for both ways: with a kind of sync taken out of it (the
//! store's own, and each other one) the same check must find a loss.

mod image;
mod record;
mod world;

use std::path::Path;

use crate::random::Random;
use image::Image;
use record::{Call, Entry};
use world::{Moment, World};

/// Moments after which the run is taken to its end, at least.
const RESUMED: usize = 8;
/// Moments in the middle of a sync, and those of them after which the run is taken to its end.
const TORN: u64 = 30;
const TORN_RESUMED: u64 = 5;

#[test]
fn what_was_acknowledged_survives_a_loss_of_power() {
    let world = World::record();
    let moments = world.promises();
    let mut resumed = 0;
    for (number, moment) in moments.iter().enumerate() {
        world.place(&Image::after(&world.entries[..moment.disk], |_| true));
        if let Err(loss) = world.check(moment.told) {
            panic!("{moment:?}: {loss}");
        }
        if number % (moments.len() / RESUMED) == 0 {
            world.finish(&format!("{moment:?}"));
            resumed += 1;
        }
    }
    torn_syncs(&world);
    every_sync_is_needed(&world, &moments);
    println!(
        "{} entries; {} moments, {resumed} of them resumed; {TORN} torn syncs, {TORN_RESUMED} of them resumed",
        world.entries.len(),
        moments.len()
    );
}

/// The power fails in the middle of a sync, of which any part may have reached the disk.
fn torn_syncs(world: &World) {
    let mut random = Random(0x5eed_0002);
    let syncs: Vec<usize> = (0..world.entries.len())
        .filter(|&index| world.entries[index].is_sync())
        .collect();
    for round in 0..TORN {
        let moment = syncs[random.below(syncs.len() as u64) as usize];
        let mut image = Image::after(&world.entries[..moment], |_| true);
        image.tear(&world.entries[moment], &mut random);
        world.place(&image);
        if let Err(loss) = world.check(moment) {
            panic!("the power fails within entry {moment}, round {round}: {loss}");
        }
        if round % (TORN / TORN_RESUMED) == 0 {
            world.finish(&format!("power failed within entry {moment}"));
        }
    }
}

/// With any kind of sync taken out, the same check finds a loss: it is able to fail, and none of
/// them is there for nothing.
fn every_sync_is_needed(world: &World, moments: &[Moment]) {
    let state = world.project.state_dir();
    let (database, objects, runs) = (state.join("db"), state.join("objects"), state.join("runs"));
    let kinds: [(&str, &IsKind<'_>); 8] = [
        ("the store's own", &|call, path| {
            call == Call::Fdatasync && path == database.join("db")
        }),
        ("the names in db", &|_, path| path == database),
        ("objects", &|_, path| path.parent() == Some(&*objects)),
        ("the names of objects", &|_, path| path == objects),
        ("outputs", &|_, path| {
            path.starts_with(&runs) && (path.ends_with("data") || path.ends_with("file"))
        }),
        ("the names of outputs", &|_, path| path.ends_with("outputs")),
        ("the state folder", &|_, path| path == state),
        ("the folder above it", &|_, path| {
            path == world.project.folder()
        }),
    ];
    for (what, is_kind) in kinds {
        let counts = |entry: &Entry| match entry {
            Entry::Synced { call, path, .. } => !is_kind(*call, path),
            Entry::Sent(_) => true,
        };
        let is_lost = moments.iter().rev().any(|moment| {
            world.place(&Image::after(&world.entries[..moment.disk], counts));
            world.check(moment.told).is_err()
        });
        assert!(is_lost, "nothing is lost if {what} is not synced");
    }
}

/// Whether a sync is of some kind: by its call, and the path of what is synced.
type IsKind<'a> = dyn Fn(Call, &Path) -> bool + 'a;
