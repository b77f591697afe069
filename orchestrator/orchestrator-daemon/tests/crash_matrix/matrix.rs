//! The matrix itself.

use crate::play::{Attempts, Death, Setting, outcome, play, starts};
use crate::scenarios::{SCENARIOS, Scenario};
use crate::support::executor::Cut;
use crate::support::store::Crash;
use crate::support::world::World;

const SLOTS: [usize; 3] = [1, 2, 64];
const FATES: [Attempts; 2] = [Attempts::Survive, Attempts::Die];

/// A death at each write of a world that nothing disturbed, and between any two of its effects.
fn deaths(undisturbed: &World) -> Vec<Death> {
    let writes = 0..undisturbed.disk.rows().commits.len();
    let writes =
        writes.flat_map(|after| [false, true].map(|landed| Death::Write(Crash { after, landed })));
    let handed = undisturbed.machine.state().handed.clone();
    let effects = handed.iter().enumerate().flat_map(|(after, count)| {
        (0..=*count).map(move |effects| Death::Effects(Cut { after, effects }))
    });
    writes.chain(effects).collect()
}

/// Plays with a death, and holds the outcome against what it is without.
fn check(scenario: &Scenario, setting: Setting, undisturbed: &World) {
    let case = format!("{}, {setting:?}", scenario.name);
    let world = play(scenario, setting);
    let (found, expected) = (outcome(&world), outcome(undisturbed));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{case}");
    }
    assert_eq!(found.len(), expected.len(), "{case}");
    assert!(
        world.machine.unacknowledged().is_empty(),
        "{case}: an end was not acknowledged"
    );
    assert!(
        world.machine.held().is_empty(),
        "{case}: an attempt is still held"
    );
    if setting.attempts == Attempts::Survive {
        // Nothing but the daemon died: nothing is started or launched more often than ever.
        assert_eq!(starts(&world), starts(undisturbed), "{case}");
        let launched = |world: &World| world.machine.state().launched.len();
        assert_eq!(launched(&world), launched(undisturbed), "{case}");
    }
}

/// The number of worlds that were played.
fn check_all(slots: usize) -> usize {
    let mut played = 0;
    for scenario in &SCENARIOS {
        for attempts in FATES {
            let setting = |death, second| Setting {
                slots,
                attempts,
                death,
                second,
            };
            let undisturbed = play(scenario, setting(None, None));
            for death in deaths(&undisturbed) {
                check(scenario, setting(Some(death), None), &undisturbed);
                played += 1;
            }
        }
    }
    played
}

#[test]
fn a_death_anywhere_changes_nothing_of_the_outcome() {
    let played: usize = SLOTS.into_iter().map(check_all).sum();
    assert!(played > 1_000, "{played} worlds were played");
    println!("{played} worlds were played");
}

/// A daemon that dies while it takes up what another one left: at each of its first writes.
#[test]
fn a_second_death_changes_nothing_either() {
    let slots = 2;
    let mut played = 0;
    for scenario in &SCENARIOS {
        for attempts in FATES {
            let undisturbed = Setting {
                slots,
                attempts,
                death: None,
                second: None,
            };
            let expected = play(scenario, undisturbed);
            for death in deaths(&expected) {
                for second in (0..2).flat_map(|after| {
                    [
                        Death::Write(Crash {
                            after,
                            landed: false,
                        }),
                        Death::Write(Crash {
                            after,
                            landed: true,
                        }),
                        Death::Effects(Cut { after, effects: 1 }),
                    ]
                }) {
                    let setting = Setting {
                        death: Some(death),
                        second: Some(second),
                        ..undisturbed
                    };
                    check(scenario, setting, &expected);
                    played += 1;
                }
            }
        }
    }
    assert!(played > 1_000, "{played} worlds were played");
    println!("{played} worlds were played");
}

#[test]
fn the_scenarios_do_what_their_names_say() {
    let mut text = String::new();
    for scenario in &SCENARIOS {
        let setting = Setting {
            slots: 2,
            attempts: Attempts::Survive,
            death: None,
            second: None,
        };
        let world = play(scenario, setting);
        let starts: usize = starts(&world).iter().flatten().sum();
        let writes = world.disk.rows().commits.len();
        text = format!(
            "{text}{}, {writes} writes, {starts} starts\n",
            scenario.name
        );
        for line in outcome(&world) {
            // Digests are long; which of them are equal is what the matrix compares.
            let (line, _) = line.split_once(" |").unwrap_or((&line, ""));
            text = format!("{text}    {}\n", line.trim_end_matches([' ', ',']));
        }
    }
    insta::assert_snapshot!("scenarios", text);
}
