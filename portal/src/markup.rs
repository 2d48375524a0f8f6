//! Small parts of pages: icons, times, sizes, states.

use askama::Template;
use ays_catalogue::Timestamp;
use bytesize::ByteSize;

use crate::words::State;

/// An icon, which says nothing to a screen reader: a word stands beside it.
pub(crate) fn icon(name: &str) -> String {
    let icons = crate::assets::path("icons.svg");
    format!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"{icons}#{name}\"/></svg>")
}

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

#[derive(Template)]
#[template(
    source = "<time datetime=\"{{ exact }}\" title=\"{{ exact }}\">{{ relative }}</time>",
    ext = "html"
)]
struct Time<'a> {
    exact: &'a str,
    relative: &'a str,
}

#[derive(Template)]
#[template(source = "<span class=\"state {{ tone }}\">{{ icon|safe }} {{ word }}</span>", ext = "html")]
struct Badge<'a> {
    tone: &'a str,
    icon: String,
    word: &'a str,
}

/// A time, relative to now, with the exact one on hover.
pub(crate) fn time(at: &Timestamp) -> String {
    let exact = at.to_string();
    Time { exact: &exact, relative: &relative(at) }.render().unwrap_or(exact)
}

/// A state: an icon, a word and a colour.
pub(crate) fn state(state: &State) -> String {
    let badge = Badge { tone: state.tone.class(), icon: icon(state.tone.icon()), word: &state.word };
    badge.render().unwrap_or_default()
}

/// A time as people say it.
pub(crate) fn relative(at: &Timestamp) -> String {
    let Ok(at) = at.to_string().parse::<jiff::Timestamp>() else { return at.to_string() };
    let seconds = jiff::Timestamp::now().as_second() - at.as_second();
    let words = duration(seconds.unsigned_abs());
    match seconds {
        -5..=5 => "now".to_owned(),
        6.. => format!("{words} ago"),
        _ => format!("in {words}"),
    }
}

/// A duration as people say it, in its largest unit.
pub(crate) fn duration(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=90 => return format!("{seconds} s"),
        91..=5_400 => (seconds / 60, "minute"),
        5_401..=129_600 => (seconds / 3_600, "hour"),
        129_601..=5_184_000 => (seconds / 86_400, "day"),
        5_184_001..=63_072_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_their_largest_unit() {
        for (seconds, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (120, "2 minutes"),
            (7_200, "2 hours"),
            (172_800, "2 days"),
            (6_000_000, "2 months"),
            (100_000_000, "3 years"),
        ] {
            assert_eq!(duration(seconds), said);
        }
    }
}
