//! Logs: secrets are taken out of them, and the middle of those that grow without end.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::support::Folder;

const SECRET: &str = "s3cret/with+signs";

#[test]
fn secrets_are_masked_wherever_the_output_is_cut() {
    let folder = Folder::new();
    let client = folder.client();
    assert!(client.keeper.masks());
    let script = "echo \"a $TOKEN b\"; echo \"$TOKEN$TOKEN\" >&2; \
        printf 's3cret/'; sleep 0.1; printf 'with+'; sleep 0.1; printf 'signs.\\n'; \
        printf 's3cret/with'; echo; (sleep 0.1; echo \"late $TOKEN\") & echo 'the end is s3cret/w'";
    let mut launch = folder.script("a", script);
    launch.env.push(("TOKEN".to_owned(), SECRET.to_owned()));
    launch.masks = vec![SECRET.to_owned(), String::new()];
    client.launch(&launch);
    client.launched("a");
    assert_eq!(client.exited("a").code, Some(0));
    // All of it is there once the end is told; what was left behind was killed.
    let log = fs::read_to_string(&launch.log).unwrap();
    let expected = "a *** b\n******\n***.\ns3cret/with\nthe end is s3cret/w\n";
    assert_eq!(log.replace("late ***\n", ""), expected);
    let mode = fs::metadata(&launch.log).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_hides_with_the_output_of_a_masked_attempt_is_found_and_ended() {
    let folder = Folder::new();
    let client = folder.client();
    // Neither its group nor its environment tells whose it is; the pipe does.
    let script = "env -i setsid sh -c 'echo \"pid $$\" > pids; exec sleep 1000' & \
        while ! [ -s pids ]; do sleep 0.01; done; echo over";
    let mut launch = folder.script("a", script);
    launch.masks = vec![SECRET.to_owned()];
    client.launch(&launch);
    client.launched("a");
    assert_eq!(client.exited("a").code, Some(0));
    let left: u32 = folder.wait_for_line("pids", "pid").parse().unwrap();
    assert!(!crate::support::is_alive(left));
    assert_eq!(fs::read_to_string(&launch.log).unwrap(), "over\n");
}

#[test]
fn of_a_log_that_takes_too_much_room_the_start_and_the_end_are_kept() {
    const LINES: u64 = 1 << 19;
    let folder = Folder::new();
    let client = folder.client();
    let mut launch = folder.script("a", "seq -f 'line %010.0f' 1 524288");
    launch.log_bytes_max = Some(1 << 20);
    client.launch(&launch);
    client.launched("a");
    assert_eq!(client.exited("a").code, Some(0));
    let log = fs::File::open(&launch.log).unwrap();
    let found = log.metadata().unwrap();
    assert_eq!(
        found.len(),
        LINES * 16,
        "what follows stands where it stood"
    );
    assert!(found.blocks() * 512 <= 1 << 20, "{} blocks", found.blocks());
    let mut line = [0; 16];
    for number in [1, 1_000, LINES - 1_000, LINES] {
        log.read_exact_at(&mut line, (number - 1) * 16).unwrap();
        assert_eq!(line, format!("line {number:010}\n").as_bytes());
    }
    log.read_exact_at(&mut line, LINES * 8).unwrap();
    assert_eq!(line, [0; 16]);
}
