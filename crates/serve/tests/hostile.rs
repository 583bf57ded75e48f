//! Mutants of requests and of frames, sent to a server that has other clients. `MUTANTS` says how many.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "support/running.rs"]
mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use parapolicy_hostile::{Bounds, Outcome, run};
use parapolicy_serve::Limits;
use support::{Running, local, plans, pusht, quick};

/// A client's own memory for a mutant is small; the server's is bounded by its limits.
const BOUNDS: Bounds = Bounds { bytes: 16 << 20, time: Duration::from_secs(20) };

/// A request as `openpi_client` packs it.
fn request() -> Vec<u8> {
    let array = |key: &[u8], shape: &[u8], numbers: usize| {
        let data: Vec<u8> = (0..numbers).flat_map(|number| (200.0 + number as f64).to_le_bytes()).collect();
        let head = [b"\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4", &[data.len() as u8][..]].concat();
        [&[0xa0 | key.len() as u8][..], key, &head, &data, b"\xc4\x05dtype\xa3<f8\xc4\x05shape", shape].concat()
    };
    let options = b"\xaaparapolicy\x82\xa4seed\x07\xabdeadline_ms\xcb\x40\x59\x00\x00\x00\x00\x00\x00";
    [
        &b"\x84"[..],
        &array(b"keypoints", b"\x92\x09\x02", 18),
        &array(b"agent", b"\x91\x02", 2),
        b"\xa6prompt\xaapush the T",
        options,
    ]
    .concat()
}

/// Head of a request for a WebSocket, as clients send it.
const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: robot\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A frame of a message, masked by zeros.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&[0x82, 0xfe][..], &length, &[0; 4], message].concat()
}

/// Sends bytes and reads until there is a plan, or the server closes; where it waits for more, says that these were all.
fn exchange(running: &Running, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(running.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    // The server may have closed in the middle of it.
    let _ = stream.write_all(bytes);
    let (mut answer, mut buffer, mut is_all) = (Vec::new(), [0; 4096], false);
    let is_whole = |answer: &[u8]| contains(answer, b"actions") || contains(answer, b"bad_request: ");
    while !is_whole(&answer) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock && !is_all => {
                is_all = true;
                let _ = stream.shutdown(Shutdown::Write);
                stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
            }
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "the server does not let go");
                break;
            }
        }
    }
    answer
}

fn contains(answer: &[u8], words: &[u8]) -> bool {
    answer.windows(words.len()).any(|window| window == words)
}

fn attempt(running: &Running, name: &str, seeds: &[Vec<u8>], default: u64, wrap: impl Fn(&[u8]) -> Vec<u8>) {
    let expected = plans(&mut running.client("?seed=3"), 0, 2);
    let mut turn = 0;
    let summary = run(name, seeds, default, BOUNDS, |mutant| {
        turn += 1;
        if turn % 100 == 0 {
            assert_eq!(plans(&mut running.client("?seed=3"), 0, 2), expected, "the others are not harmed");
        }
        let answer = exchange(running, &wrap(mutant));
        // No word of a panic, of a path or of a line of code.
        assert!(!contains(&answer, b"panicked") && !contains(&answer, b".rs") && !contains(&answer, b"/models"));
        if contains(&answer, b"actions") { Outcome::Read } else { Outcome::Refused }
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
    running.wait_for("parapolicy_connections{", 0.0);
    running.wait_for("parapolicy_planning{", 0.0);
    assert_eq!(plans(&mut running.client("?seed=3"), 0, 2), expected);
    assert!(running.get("/healthz", "").ends_with("OK\n"));
}

#[test]
fn mutants_of_requests_harm_nobody() {
    let running = Running::start(local(Limits::default()), vec![pusht(quick())]);
    let frames = |message: &[u8]| [HEAD, &frame(&message[..message.len().min(60_000)])].concat();
    attempt(&running, "request", &[request()], 600, frames);
}

#[test]
fn mutants_of_frames_harm_nobody() {
    let limits = Limits { silence: Duration::from_secs(1), ..Limits::default() };
    let running = Running::start(local(limits), vec![pusht(quick())]);
    let ping = b"\x89\x82\0\0\0\0hi".to_vec();
    let fragments =
        [&[0x02, 0x83, 0, 0, 0, 0][..], &request()[..3], &[0x80, 0xfe, 1, 0, 0, 0, 0, 0], &request()[3..]].concat();
    let seeds = [frame(&request()), [ping, frame(&request())].concat(), fragments];
    attempt(&running, "frame", &seeds, 200, |frames| [HEAD, frames].concat());
}

#[test]
fn mutants_of_heads_harm_nobody() {
    let running = Running::start(local(Limits::default()), vec![pusht(quick())]);
    let whole = [HEAD, &frame(&request())].concat();
    attempt(&running, "head", &[whole], 200, <[u8]>::to_vec);
}
