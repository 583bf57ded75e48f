//! What is refused, and how; and that nobody else is harmed by it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "support/running.rs"]
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2};
use parapolicy_serve::{
    Client, ClientError, ClientOptions, Limits, Observation, ServeError, ServeOptions, Server, TlsFiles, Token,
};
use support::{Running, local, observation, plans, pusht, quick, row};
use tungstenite::{Message, WebSocket};

const TOKEN: &str = "a-token-of-some-length";

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> String {
    match result.unwrap_err() {
        ClientError::Refused(words) => words,
        other => panic!("{other:?}"),
    }
}

fn raw(running: &Running) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(running.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut socket, _) = tungstenite::client(running.url(""), stream).unwrap();
    assert!(matches!(socket.read().unwrap(), Message::Binary(_)));
    socket
}

/// Sends bytes; returns the words and the code that the connection is closed with.
fn answer(running: &Running, message: Message) -> (String, u16) {
    let mut socket = raw(running);
    socket.send(message).unwrap();
    let Message::Text(words) = socket.read().unwrap() else { panic!("no words") };
    let Message::Close(Some(close)) = socket.read().unwrap() else { panic!("no close") };
    (words.to_string(), close.code.into())
}

#[test]
fn observations_that_do_not_fit_are_refused_by_key() {
    let running = Running::quick();
    let wrong = |change: &dyn Fn(&mut Observation)| {
        let mut observation = Observation::new();
        change(&mut observation);
        refused(running.client("").infer(&observation))
    };
    let keypoints = Array2::<f64>::zeros((9, 2));
    assert_eq!(wrong(&|it| _ = it.insert("keypoints", keypoints.view())), "bad_request: `agent` is missing");
    assert_eq!(
        wrong(&|it| _ = it.insert("keypoints", Array2::<f64>::zeros((2, 9)).view())),
        "bad_request: `keypoints` has shape [2, 9], but must have [9, 2], or 2 of them one after the other"
    );
    assert_eq!(
        wrong(&|it| _ = it.insert("agent", Array2::<f64>::zeros((2, 2)).view()).insert("keypoints", keypoints.view())),
        "bad_request: `keypoints` holds another number of observations than the keys before it; all hold 1, or all 2"
    );
    let nan = Array1::from(vec![256.0, f64::NAN]);
    assert_eq!(
        wrong(&|it| _ = it.insert("keypoints", keypoints.view()).insert("agent", nan.view())),
        "bad_request: observation: `agent`[1] of step 0 is NaN, but must be a finite number of sensible size"
    );
    assert_eq!(
        wrong(&|it| _ = it.insert("agent", nan.view()).insert("agent", nan.view())),
        "bad_request: `agent` comes twice"
    );
    let committed = Array2::<f64>::zeros((3, 7));
    assert_eq!(
        refused(running.client("").infer(observation(&row(0)).committed(committed.view()))),
        "bad_request: `parapolicy/committed` has shape [3, 7], but must have [n, 2]"
    );
    assert_eq!(
        refused(running.client("").infer(observation(&row(0)).deadline_ms(-1.0))),
        "bad_request: parapolicy/deadline_ms: is a number, but must be a number of milliseconds, more than 0"
    );
    // None of them was the others' harm.
    assert_eq!(running.client("").infer(&observation(&row(0))).unwrap().rounds, 10);
}

/// A newcomer that is refused while another's plan is drawn leaves that plan as it is.
#[test]
fn a_refused_newcomer_leaves_the_plans_of_others() {
    let running = Running::quick();
    let expected = plans(&mut running.client("?seed=4"), 0, 6);
    let nan = observation(&Array1::from_elem(20, f64::INFINITY));
    std::thread::scope(|scope| {
        scope.spawn(|| (0..20).for_each(|_| _ = refused(running.client("").infer(&nan))));
        assert_eq!(plans(&mut running.client("?seed=4"), 0, 6), expected);
    });
}

#[test]
fn messages_that_cannot_be_read_are_refused_with_the_byte() {
    let running = Running::quick();
    let cases: [(&[u8], &str); 6] = [
        (b"", "bad_request: it ends at byte 0, before it is whole"),
        (b"\x93\x01\x02\x03", "bad_request: at byte 0 there is an array, but must be a map"),
        (b"\x81\xa5agent\xc7", "bad_request: it ends at byte 8, before it is whole"),
        (b"\x81\x01\x01", "bad_request: at byte 1 there is an integer, but must be a key"),
        (b"\x80\xc0", "bad_request: bytes follow it from 1 on"),
        (b"\xdf\xff\xff\xff\xff", "bad_request: it ends at byte 5, before it is whole"),
    ];
    for (message, words) in cases {
        assert_eq!(answer(&running, Message::binary(message.to_vec())), (words.to_owned(), 1007));
    }
    let deep = [[0x81, 0xa1, b'a'].repeat(1000), vec![0xc0]].concat();
    let (words, _) = answer(&running, Message::binary(deep));
    assert_eq!(words, "bad_request: at byte 24 a map lies in more than 8 others");
    let array = [
        b"\x81\xa5agent\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x00\xc4\x05dtype\xa3<f8\xc4\x05shape\x92".as_slice(),
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    ]
    .concat();
    let (words, _) = answer(&running, Message::binary(array));
    assert!(words.starts_with("bad_request: agent: data has 0 bytes, which is not what shape"), "{words}");
    assert_eq!(answer(&running, Message::text("{}")).1, 1007);
    assert!(running.metric("parapolicy_refusals_total{policy=\"pusht\",code=\"bad_request\"}") >= 9.0);
}

#[test]
fn limits_are_kept() {
    let limits = Limits { connections: 2, message_bytes: Some(4096), requests_per_second: 5, ..Limits::default() };
    let running = Running::start(local(limits), vec![pusht(quick())]);
    let (words, code) = answer(&running, Message::binary(vec![0; 5000]));
    assert_eq!((words.as_str(), code), ("too_large: a message may have 4096 bytes", 1009));

    running.wait_for("parapolicy_connections{", 0.0);
    let (mut one, two) = (running.client(""), running.client(""));
    let third = Client::connect(&running.url(""), &ClientOptions::default());
    assert_eq!(refused(third), "503 Service Unavailable busy: 2 clients are served at once");
    drop(two);
    running.wait_for("parapolicy_connections{", 1.0);

    let asked = (0..50).map(|_| one.infer(&observation(&row(0)))).find_map(Result::err);
    assert_eq!(
        asked.unwrap().to_string(),
        "the server has refused: too_fast: 5 requests a second are taken from a connection"
    );
}

#[test]
fn who_has_not_the_token_is_not_let_in() {
    let options = ServeOptions { token: Some(Token::new(TOKEN).unwrap()), ..local(Limits::default()) };
    let running = Running::start(options, vec![pusht(quick())]);
    let connect = |token: Option<&str>| {
        Client::connect(
            &running.url(""),
            &ClientOptions { token: token.map(str::to_owned), ..ClientOptions::default() },
        )
    };
    for token in [None, Some("a-token-of-some-lengt"), Some("")] {
        assert!(refused(connect(token)).starts_with("401 Unauthorized unauthorized: "), "{token:?}");
    }
    assert_eq!(connect(Some(TOKEN)).unwrap().infer(&observation(&row(0))).unwrap().rounds, 10);
    assert!(running.get("/healthz", "").ends_with("\r\n\r\nOK\n"));
    assert!(running.get("/metrics", "").starts_with("HTTP/1.1 401"));
    assert!(running.get("/metrics", &format!("Authorization: Bearer {TOKEN}\r\n")).contains("parapolicy_plans_total"));
}

#[test]
fn pages_of_browsers_and_unknown_paths_are_refused() {
    let running = Running::quick();
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let origin = format!("{upgrade}Origin: http://page.example\r\n");
    assert!(running.get("/", &origin).starts_with("HTTP/1.1 403"));
    assert!(running.get("/nobody", upgrade).starts_with("HTTP/1.1 404"));
    assert!(running.get("/?seed=x", upgrade).starts_with("HTTP/1.1 400"));
    assert!(running.get("/", "").starts_with("HTTP/1.1 4"));
    assert!(running.get("/healthz", "").starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_address_that_others_reach_takes_a_token_or_a_word() {
    let address = ([0, 0, 0, 0], 0).into();
    let exposed = ServeOptions { address, ..local(Limits::default()) };
    let error = Server::bind(&exposed, vec![pusht(quick())]).await.err();
    assert!(matches!(error, Some(ServeError::Exposed(_))), "{error:?}");
    let open = ServeOptions { open: true, ..exposed.clone() };
    assert!(Server::bind(&open, vec![pusht(quick())]).await.is_ok());
    let token = ServeOptions { token: Some(Token::new(TOKEN).unwrap()), ..exposed };
    assert!(Server::bind(&token, vec![pusht(quick())]).await.is_ok());
    assert!(matches!(Token::new("short"), Err(ServeError::Token { .. })));
}

/// A frame byte by byte, and a client that has gone without a word: both are noticed by their silence.
#[test]
fn slow_and_half_open_connections_are_ended() {
    let limits = Limits { silence: Duration::from_millis(300), ..Limits::default() };
    let running = Running::start(local(limits), vec![pusht(quick())]);
    let mut slow = raw(&running);
    let _half_open = raw(&running);
    running.wait_for("parapolicy_connections{", 2.0);
    // The head of a frame of 100 bytes, masked, and then a byte from time to time.
    let stream = slow.get_mut();
    stream.write_all(&[0x82, 0xe4, 1, 2, 3, 4]).unwrap();
    let begun = Instant::now();
    while stream.write_all(&[0]).is_ok() && begun.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(50));
    }
    running.wait_for("parapolicy_connections{", 0.0);
    assert_eq!(running.metric("parapolicy_refusals_total{policy=\"pusht\",code=\"timed_out\"}"), 2.0);
    // One that answers pings may be silent for as long as it likes.
    let mut alive = raw(&running);
    alive.get_mut().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        let _ = alive.read();
    }
    assert_eq!(running.metric("parapolicy_connections{"), 1.0);
}

/// Before there is a WebSocket, too: a head that does not come is not waited for, and blocks nobody.
#[test]
fn a_head_that_does_not_come_blocks_nobody() {
    let running = Running::quick();
    let mut idle: Vec<_> = (0..20).map(|_| TcpStream::connect(running.address).unwrap()).collect();
    idle.iter_mut().for_each(|stream| stream.write_all(b"GET / HT").unwrap());
    assert_eq!(running.client("").infer(&observation(&row(0))).unwrap().rounds, 10);
    let mut head = TcpStream::connect(running.address).unwrap();
    let _ = head.write_all(format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(100_000)).as_bytes());
    let mut answer = Vec::new();
    let _ = head.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
}

/// What is being drawn is handed out, then clients are told; and nobody is let in.
#[test]
fn the_end_is_told() {
    let mut running = Running::quick();
    let mut client = running.client("");
    assert_eq!(client.infer(&observation(&row(0))).unwrap().rounds, 10);
    running.end();
    let begun = Instant::now();
    let words = loop {
        match client.infer(&observation(&row(0))) {
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(10)),
            Err(ClientError::Refused(words)) => break words,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(words, "going_away: the server ends");
    let begun = Instant::now();
    drop(running);
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn tls_is_spoken_and_believed_by_its_certificate_alone() {
    let folder = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let tls = Some(TlsFiles { certificate: certificate.clone(), key });
    let running = Running::start(ServeOptions { tls, ..local(Limits::default()) }, vec![pusht(quick())]);
    let url = format!("wss://localhost:{}/", running.address.port());
    let options = ClientOptions { certificates: std::fs::read(&certificate).unwrap(), ..ClientOptions::default() };
    let mut client = Client::connect(&url, &options).unwrap();
    assert_eq!(client.infer(&observation(&row(0))).unwrap().rounds, 10);
    assert!(Client::connect(&url, &ClientOptions::default()).is_err());
    assert!(Client::connect(&running.url(""), &options).is_err());

    let broken = TlsFiles { certificate: certificate.clone(), key: certificate };
    let options = ServeOptions { tls: Some(broken), ..local(Limits::default()) };
    let error = tokio::runtime::Runtime::new().unwrap().block_on(Server::bind(&options, vec![pusht(quick())])).err();
    assert!(matches!(error, Some(ServeError::Tls { .. })), "{error:?}");
}
