//! Every bound of the command line, with its reason.

use std::time::Duration;

/// How long socket and lock are tried in turn before the state folder counts as unusable: a daemon
/// that opens a large store, or one that is ending, takes a second or two.
pub(crate) const REACH_MAX: Duration = Duration::from_secs(10);

/// How often a daemon is started without a new event in between. One that dies so often at the same
/// place dies there again.
pub(crate) const STARTS_MAX: u32 = 5;

/// How long a daemon may take to say who it is. Only a stopped process or a machine in distress
/// takes seconds.
pub(crate) const GREETING_MAX: Duration = Duration::from_secs(5);

/// The shortest and the longest pause between two tries to reach a daemon.
pub(crate) const REACH_PAUSE: (Duration, Duration) =
    (Duration::from_millis(5), Duration::from_millis(50));

/// How long a run that is over may take to be there with its end after its last event was told.
pub(crate) const CANCEL_WAIT_MAX: Duration = Duration::from_mins(1);

/// How often a run is looked at that was asked to end before its daemon is.
pub(crate) const CANCEL_LOOK: Duration = Duration::from_millis(100);

/// A daemon that was started in the background ends after this long without clients and without
/// anything to do: long enough for the next command of a person, short enough to leave nothing behind.
pub(crate) const BACKGROUND_IDLE: Duration = Duration::from_secs(10);

/// Lines of a log that are shown when a step failed or a daemon died.
pub(crate) const LOG_TAIL_LINES: usize = 20;

/// Bytes read from the end of daemon.log for its last lines.
pub(crate) const LOG_TAIL_BYTES: u64 = 64 << 10;

/// Bytes of a file with a token that are read; a token takes some dozens.
pub(crate) const TOKEN_FILE_BYTES_MAX: u64 = 4 << 10;

/// Most runs or artifacts on a page where `--limit` is not given: about a screen.
pub(crate) const PAGE_DEFAULT: u32 = 20;

/// Running steps that are drawn at once; more would not fit on a screen beside the log above them.
pub(crate) const LIVE_STEPS_MAX: usize = 12;

/// How often a live picture is drawn at most: more is not seen.
pub(crate) const REDRAW_MIN: Duration = Duration::from_millis(100);

/// Characters of a source line that a diagnostic shows; the place is always among them.
pub(crate) const SOURCE_COLUMNS_MAX: usize = 160;

/// Characters of one value in a list of properties: about what fits beside their names.
pub(crate) const VALUE_CHARACTERS_MAX: usize = 80;

/// Steps that a hint names all; of more nobody reads the names.
pub(crate) const NAMED_STEPS_MAX: usize = 20;

/// Files of an artifact that `show` lists, and lines of a text in it that `show` prints.
pub(crate) const SHOWN_LINES_MAX: usize = 40;

/// Bytes of one file of an artifact that `show` and the summary read: the JSON files of artifacts
/// are small, but what is called so by a user's step may be anything.
pub(crate) const SHOWN_FILE_BYTES_MAX: usize = 16 << 20;

/// Files of an artifact on a page of their list: the most that the API gives.
pub(crate) const LISTED_PAGE: u32 = 1_000;

/// Files of an artifact that are asked for before its list is cut: those of data in a hundred shards
/// for each of its splits fit many times.
pub(crate) const LISTED_FILES_MAX: usize = 10_000;

/// Artifacts that a summary looks into; the gates and reports of more would push each other off the screen.
pub(crate) const SUMMED_UP_ARTIFACTS_MAX: usize = 200;

/// Most steps of a picture whose implied edges are left out and whose steps are put into an order:
/// both take time and memory that grow with the square, and nobody reads a picture of more.
pub(crate) const GRAPH_REDUCED_STEPS_MAX: usize = 2_000;

/// How long nothing must happen to a run that is followed before it is looked at for what it waits
/// for, and the longest pause between two such looks: what it waits for is told by no event, and a
/// status document may be large.
pub(crate) const LOOK_PAUSE: (Duration, Duration) =
    (Duration::from_secs(2), Duration::from_mins(1));

/// Most times that `cron` tells at once: every minute of a week. What is longer is for a program, which
/// asks again from the last one on.
pub(crate) const FIRES_MAX: u64 = 7 * 24 * 60;
