//! The statistics of a log over HTTP, as Prometheus scrapes them, with nothing but the standard library.
//!
//! A reader is all that the server needs, so it runs on its own thread beside the writer. A service that has an HTTP server
//! already answers one more path with the same text.
//!
//! Run it with `cargo run -p raft-log --example metrics_http`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use raft_log::{PlainTypes, RaftLog, RaftLogReader, RaftLogWriter, TermIndex};

/// Answers so many requests; `usize::MAX` of them for ever.
pub(crate) fn serve(
    listener: &TcpListener,
    reader: &RaftLogReader<PlainTypes>,
    name: &str,
    requests: usize,
) -> io::Result<()> {
    for connection in listener.incoming().take(requests) {
        // One that fails is the scraper's business; it comes again.
        if let Err(error) = answer(connection?, reader, name) {
            eprintln!("a scrape failed: {error}");
        }
    }
    Ok(())
}

fn answer(mut connection: TcpStream, reader: &RaftLogReader<PlainTypes>, name: &str) -> io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = String::new();
    // So much and no more, whoever asks.
    let mut lines = BufReader::new(connection.try_clone()?.take(8192));
    lines.read_line(&mut request)?;
    let mut header = String::new();
    while lines.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = match request.split_whitespace().collect::<Vec<_>>()[..] {
        ["GET", "/metrics", _] => ("200 OK", reader.stats().to_prometheus(name)),
        _ => ("404 Not Found", "ask for /metrics\n".to_owned()),
    };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Asks for a path, and gives the answer's head and body.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<(String, String)> {
    let mut connection = TcpStream::connect(address)?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((head.to_owned(), body.to_owned()))
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let mut log = RaftLog::open(directory.path())?;
    let (listener, reader) = (TcpListener::bind("127.0.0.1:0")?, log.reader());
    let address = listener.local_addr()?;
    let server = std::thread::spawn(move || serve(&listener, &reader, "node-1", 2));

    log.append((1..=100).map(|index| (TermIndex::new(1, index), "x = 1".into())))?;
    log.sync()?;
    let (head, body) = get(address, "/metrics")?;
    println!("{head}\n");
    body.lines().filter(|line| line.contains("_index")).for_each(|line| println!("{line}"));
    assert!(body.contains("raftlog_durable_index{log=\"node-1\"} 100\n"));

    let (head, _) = get(address, "/nothing")?;
    assert!(head.starts_with("HTTP/1.1 404"));
    match server.join() {
        Ok(served) => Ok(served?),
        Err(_) => Err("the server panicked".into()),
    }
}
