//! The sinks of lines: standard output, and a file that is rotated by size.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Sink;
use crate::config::AuditFile;

fn lines(events: &[Arc<str>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(events.iter().map(|event| event.len().saturating_add(1)).sum());
    for event in events {
        bytes.extend_from_slice(event.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// Whether a file ends in the middle of a line, as a crash or a full disk leaves it.
fn is_torn(path: &Path) -> bool {
    let last = || {
        // Opening a pipe would wait for its other end.
        if !std::fs::metadata(path)?.is_file() {
            return Ok(false);
        }
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok::<_, io::Error>(byte != *b"\n")
    };
    // One that is not there, or is empty, has no last byte.
    last().unwrap_or(false)
}

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub struct StdoutSink;

impl Sink for StdoutSink {
    fn name(&self) -> &'static str {
        "stdout"
    }

    fn write(&mut self, events: &[Arc<str>]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&lines(events))?;
        out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}

/// A file, readable by its owner only. When it would grow beyond its size it is renamed to `NAME.1`, what was that to `NAME.2`, and so on;
/// the last is removed. A file that another program has moved away is opened again with the next rotation or failure.
#[derive(Debug)]
pub struct FileSink {
    config: AuditFile,
    open: Option<(File, u64)>,
    /// Whether the last line may have no end.
    torn: bool,
}

impl FileSink {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(config: AuditFile) -> io::Result<Self> {
        let torn = is_torn(&config.path);
        let mut sink = Self { config, open: None, torn };
        sink.open = Some(sink.reopen()?);
        Ok(sink)
    }

    fn reopen(&self) -> io::Result<(File, u64)> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.config.path)?;
        let len = file.metadata()?.len();
        Ok((file, len))
    }

    fn rotated(&self, number: u64) -> PathBuf {
        let mut name = self.config.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    fn rotate(&self) -> io::Result<()> {
        let missing_is_fine = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        let rename = |from: &Path, to: PathBuf| missing_is_fine(std::fs::rename(from, to));
        for number in (1..self.config.count).rev() {
            rename(&self.rotated(number), self.rotated(number.saturating_add(1)))?;
        }
        rename(&self.config.path, self.rotated(1))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let size = bytes.len() as u64;
        let (mut file, mut len) = match self.open.take() {
            Some(open) => open,
            None => self.reopen()?,
        };
        if len > 0 && len.saturating_add(size) > self.config.bytes {
            drop(file);
            self.rotate()?;
            self.torn = false;
            (file, len) = self.reopen()?;
        }
        if self.torn {
            file.write_all(b"\n")?;
            len = len.saturating_add(1);
        }
        self.torn = true;
        file.write_all(bytes)?;
        self.torn = false;
        self.open = Some((file, len.saturating_add(size)));
        Ok(())
    }
}

impl Sink for FileSink {
    fn name(&self) -> &'static str {
        "file"
    }

    fn write(&mut self, events: &[Arc<str>]) -> io::Result<()> {
        self.append(&lines(events))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |(file, _)| file.sync_data())
    }
}
