//! The text of `.md5sum` and `SHA256SUMS` files. The input's first line is the name that is looked for.

use ays_helper::{Algorithm, beside, listed};

/// See the module.
pub fn check(data: &[u8]) {
    let input = String::from_utf8_lossy(data);
    let (name, text) = input.split_once('\n').unwrap_or(("x.img", &input));
    for (algorithm, digits) in [(Algorithm::Md5, 32), (Algorithm::Sha256, 64)] {
        let beside = |text: &str| beside(text, algorithm, name);
        let found = beside(text);
        if let Ok(sum) = &found {
            assert_eq!(sum.len(), digits);
            assert!(sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{sum:?}");
            assert!(text.to_ascii_lowercase().contains(sum), "{sum:?} does not stand there");
        }
        // Whatever else stands behind it, and however its lines end.
        assert_eq!(beside(&format!("{text}\n\n-- \n")).ok(), found.clone().ok());
        assert_eq!(beside(&text.replace('\n', "\r\n")), found);
        // A list is read more strictly, and never differently.
        if let Ok(sum) = listed(text, algorithm, name) {
            assert_eq!(found, Ok(sum));
        }
        let sum = &"0123456789abcdef".repeat(4)[..digits];
        let plain = !name.trim().is_empty()
            && name.trim() == name
            && !name.contains(['/', '\\', '\r', '*', '(', ')']);
        if plain {
            for line in
                [format!("{sum}  {name}"), format!("{sum} *dir/{name}"), format!("X ({name}) = {sum}")]
            {
                let other = format!("{}  not-{name}", &"f".repeat(digits));
                for list in [line.clone(), format!("{line}\n{other}\n"), format!("{other}\n{line}\n")] {
                    assert_eq!(listed(&list, algorithm, name), Ok(sum.to_owned()), "{list:?}");
                    assert_eq!(beside(&list), Ok(sum.to_owned()), "{list:?}");
                }
            }
        }
    }
}
