//! The text of `.md5sum`, `SHA256SUMS` and `CHECKSUM` files. The input's first line is the name that is looked for.

use ays_helper::{listed, md5_beside};
use ays_model::{Checksum, ChecksumKind};

/// See the module.
pub fn check(data: &[u8]) {
    let input = String::from_utf8_lossy(data);
    let (name, text) = input.split_once('\n').unwrap_or(("x.img", &input));
    stands_there(text, name, |text| md5_beside(text, name).ok());
    stands_there(text, name, |text| listed(text, "SUMS", name).ok());
    // A list is read more strictly, and never differently.
    if let Ok(sum @ Checksum::Md5(_)) = listed(text, "SUMS", name) {
        assert_eq!(md5_beside(text, name), Ok(sum));
    }
    let plain =
        !name.trim().is_empty() && name.trim() == name && !name.contains(['/', '\\', '\r', '*', '(', ')']);
    if !plain {
        return;
    }
    for kind in ChecksumKind::ALL {
        let digits = &"0123456789abcdef".repeat(8)[..kind.digits()];
        let (sum, title) = (kind.read(digits).ok(), kind.title());
        for line in [
            format!("{digits}  {name}"),
            format!("{digits} *dir/{name}"),
            format!("{title} ({name}) = {digits}"),
        ] {
            let other = format!("{}  not-{name}", &"f".repeat(kind.digits()));
            for list in [line.clone(), format!("{line}\n{other}\n"), format!("{other}\n{line}\n")] {
                assert_eq!(listed(&list, "SUMS", name).ok(), sum, "{list:?}");
            }
        }
    }
}

fn stands_there(text: &str, name: &str, read: impl Fn(&str) -> Option<Checksum>) {
    let found = read(text);
    if let Some(sum) = &found {
        assert!(text.to_ascii_lowercase().contains(&sum.digits()), "{sum} of {name:?} does not stand there");
    }
    // Whatever else stands behind it, and however its lines end.
    assert_eq!(read(&format!("{text}\n\n-- \n")), found);
    assert_eq!(read(&text.replace('\n', "\r\n")), found);
}
