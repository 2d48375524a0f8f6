//! What a tool said when it failed, as it is told: all of its words that matter, and not more than a reader takes.

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of the beginning of what a tool says is kept, in bytes.
const MOST_FIRST: usize = 4096;

/// How much of its end is kept beside it.
const MOST_LAST: usize = 1024;

/// How many lines are told; of more, the first ones and the last one.
const MOST_LINES: usize = 6;

/// The most characters of a line: it may hold a path twice.
const LONGEST_LINE: usize = 600;

/// The beginning and the end of what a tool says.
#[derive(Debug, Default)]
pub(crate) struct Words {
    first: Vec<u8>,
    last: Vec<u8>,
    /// Bytes between the two that were not kept.
    lost: usize,
}

impl Words {
    pub(crate) fn hear(&mut self, piece: &[u8]) {
        let (first, rest) = piece.split_at(piece.len().min(MOST_FIRST.saturating_sub(self.first.len())));
        self.first.extend_from_slice(first);
        self.last.extend_from_slice(rest);
        let over = self.last.len().saturating_sub(MOST_LAST);
        self.last.drain(..over);
        self.lost += over;
    }

    /// What was kept of the beginning.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }

    /// All that matters, in one line; `tool` is whose name stands in front of its own lines.
    pub(crate) fn complaint(&self, tool: &str) -> String {
        let mut bytes = self.first.clone();
        if self.lost > 0 {
            bytes.extend_from_slice(b"\n");
        }
        bytes.extend_from_slice(&self.last);
        let text = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            let line = plain(line);
            let line = line.strip_prefix(tool).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&line);
            if !line.is_empty() && lines.last().is_none_or(|last| last != line) {
                lines.push(line.to_owned());
            }
        }
        if lines.is_empty() {
            return "it failed without a word".to_owned();
        }
        if lines.len() > MOST_LINES {
            let more = lines.len() - MOST_LINES;
            let more = if self.lost > 0 { "..".to_owned() } else { format!("(and {more} lines more)") };
            lines.splice(MOST_LINES - 1..lines.len() - 1, [more]);
        }
        joined(&lines)
    }
}

/// Reads to the end and keeps what may matter; a program that says more than that is still listened to.
pub(crate) async fn gather(from: Option<impl AsyncRead + Unpin>, mut hear: impl FnMut(&[u8])) -> Words {
    let mut kept = Words::default();
    let Some(mut from) = from else { return kept };
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        hear(&piece[..count]);
        kept.hear(&piece[..count]);
    }
    kept
}

/// A line's words: without what a terminal would obey, and not longer than a line may be.
fn plain(line: &str) -> String {
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    if line.chars().count() <= LONGEST_LINE {
        return line.to_owned();
    }
    line.chars().take(LONGEST_LINE).chain("..".chars()).collect()
}

/// Lines as parts of one sentence; what ends with a colon goes on.
fn joined(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        if !text.is_empty() {
            text.push_str(if text.ends_with([':', ';', '.', ',']) { " " } else { "; " });
        }
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &[u8]) -> String {
        let mut words = Words::default();
        said.chunks(7).for_each(|piece| words.hear(piece));
        words.complaint("qemu-img")
    }

    #[test]
    fn all_words_that_matter() {
        for (said, words) in [
            ("", "it failed without a word"),
            ("\n \n", "it failed without a word"),
            ("qemu-img: Could not open 'x': Invalid argument\n", "Could not open 'x': Invalid argument"),
            (
                "qemu-img: Could not open 'x': it contains a log\nTo replay the log, run:\nqemu-img check -r all 'x'\n",
                "Could not open 'x': it contains a log; To replay the log, run: qemu-img check -r all 'x'",
            ),
            ("one\r\none\r\ntwo\n", "one; two"),
            ("\u{1b}[31mred\u{1b}[0m\tand\u{7}\n", "[31mred [0m and"),
            ("1\n2\n3\n4\n5\n6\n", "1; 2; 3; 4; 5; 6"),
            ("1\n2\n3\n4\n5\n6\n7\n8\n", "1; 2; 3; 4; 5; (and 2 lines more); 8"),
        ] {
            assert_eq!(told(said.as_bytes()), words, "{said:?}");
        }
        assert_eq!(told(b"a \xff b"), "a \u{fffd} b");
    }

    #[test]
    fn what_a_tool_says_without_end_is_told_by_its_beginning_and_its_end() {
        let mut said: Vec<u8> =
            (0..10_000).flat_map(|n| format!("ERROR cluster {n}\n").into_bytes()).collect();
        said.extend_from_slice(b"9999 errors were found on the image.\n");
        let words = told(&said);
        assert!(words.starts_with("ERROR cluster 0; ERROR cluster 1; "), "{words}");
        assert!(words.ends_with("ERROR cluster 4; .. 9999 errors were found on the image."), "{words}");
        assert!(told("x".repeat(100_000).as_bytes()).len() < 2 * LONGEST_LINE + 100);
    }
}
