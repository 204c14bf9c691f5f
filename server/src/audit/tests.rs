#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};

use super::*;
use crate::config::AuditFile;

/// A sink that waits for leave before each write, and then fails or hands on.
struct Gated {
    leave: Receiver<bool>,
    out: Sender<String>,
}

impl Sink for Gated {
    fn name(&self) -> &'static str {
        "file"
    }

    fn write(&mut self, events: &[Arc<str>]) -> io::Result<()> {
        if !self.leave.recv().unwrap_or(true) {
            return Err(io::Error::other("no room"));
        }
        events.iter().for_each(|event| self.out.send(event.to_string()).unwrap());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gated(capacity: usize) -> (Audit, Arc<Metrics>, Sender<bool>, Receiver<String>) {
    let metrics = Arc::new(Metrics::new());
    let ((leave_to, leave), (out, read)) = (channel(), channel());
    let audit = Audit::start(vec![Box::new(Gated { leave, out })], capacity, &metrics).unwrap();
    (audit, metrics, leave_to, read)
}

fn counted(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.render();
    let numbers = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
    numbers.map(|(_, number)| number.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_sink_that_hangs_blocks_nobody_and_what_is_lost_is_counted() {
    let (audit, metrics, leave, read) = gated(4);
    for number in 0..1_000 {
        audit.record(&json!({ "n": number }));
    }
    let lost = counted(&metrics, "scopegate_audit_dropped_total{sink=\"file\",reason=\"queue\"}");
    assert!(lost >= 1_000 - BATCH as u64 - 4, "at most the batch in hand and the queue are kept: {lost}");
    assert!(!audit.finish(Duration::from_millis(5)), "the sink still hangs");
    drop(leave);
    assert!(audit.finish(Duration::from_secs(20)));
    let written = read.try_iter().count() as u64;
    assert_eq!(written + counted(&metrics, "scopegate_audit_dropped_total"), 1_000);
    assert_eq!(written, counted(&metrics, "scopegate_audit_events_total"));
}

#[test]
fn a_sink_that_fails_loses_its_batch_and_recovers() {
    let (audit, metrics, leave, read) = gated(16);
    audit.record(&json!("lost"));
    leave.send(false).unwrap();
    while counted(&metrics, "scopegate_audit_dropped_total") == 0 {
        std::thread::yield_now();
    }
    audit.record(&json!("kept"));
    leave.send(true).unwrap();
    assert_eq!(read.recv().unwrap(), "\"kept\"");
    assert_eq!(counted(&metrics, "scopegate_audit_dropped_total{sink=\"file\",reason=\"sink\"}"), 1);
}

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("scopegate-audit-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_file_is_rotated_by_size_and_the_oldest_go() {
    let folder = Folder::new("rotate");
    let path = folder.0.join("audit.jsonl");
    let mut sink = FileSink::open(AuditFile { path: path.clone(), bytes: 40, count: 2 }).unwrap();
    for number in 0..10 {
        sink.write(&[format!("{{\"n\":{number},\"x\":\"0123\"}}").into()]).unwrap();
    }
    sink.finish().unwrap();
    assert_eq!(folder.names(), ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
    let text = std::fs::read_to_string(&path).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["n"], 9);
    for name in folder.names() {
        assert!(std::fs::metadata(folder.0.join(name)).unwrap().len() <= 40);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // One event that is larger than the size has a file of its own.
    sink.write(&["x".repeat(100).into()]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap().len(), 101);
}

#[test]
fn a_line_that_a_crash_cut_off_stays_alone() {
    let folder = Folder::new("torn");
    let path = folder.0.join("audit.jsonl");
    for (before, after) in [("", "{}\n"), ("{\"n\":", "{\"n\":\n{}\n"), ("{\"n\":1}\n", "{\"n\":1}\n{}\n")] {
        std::fs::write(&path, before).unwrap();
        let mut sink = FileSink::open(AuditFile { path: path.clone(), bytes: 4_096, count: 1 }).unwrap();
        sink.write(&["{}".into()]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_tried_again() {
    let folder = Folder::new("again");
    let path = folder.0.join("audit.jsonl");
    let mut sink = FileSink::open(AuditFile { path: path.clone(), bytes: 30, count: 1 }).unwrap();
    let line: Arc<str> = "x".repeat(20).into();
    sink.write(&[Arc::clone(&line)]).unwrap();
    std::fs::remove_dir_all(&folder.0).unwrap();
    assert!(sink.write(&[Arc::clone(&line)]).is_err(), "the rotation finds no folder");
    std::fs::create_dir(&folder.0).unwrap();
    sink.write(&[line]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap().len(), 21);
}

#[test]
fn changes_tell_ids_and_nothing_that_people_write() {
    let record = scopegate_stores::kit::sample("owner@example.com", 7).unwrap();
    let at = UnixSeconds::clamped(1_780_000_000);
    for event in [
        ChangeEvent::created(&record, Some("u"), at),
        ChangeEvent::relabelled(&record, Some("u"), at),
        ChangeEvent::rotated(&record, None, at),
        ChangeEvent::revoked(&record, Some("u"), at),
    ] {
        let text = serde_json::to_string(&event).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["type"], &value["change"]), (&json!("change"), &json!(event.change())));
        assert_eq!(value["keyId"], record.id.as_str());
        assert!(!text.contains("example.com") && !text.contains(&*record.label) && !text.contains("hash"), "{text}");
    }
}
