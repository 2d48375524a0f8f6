//! A caller hears how far it is, and may end it.

use std::cell::Cell;
use std::io::{self, Write};

use ays_disk::WriteControl;
use ays_disk::form::{self, Error, Form};
use ays_model::DiskFormat;

use crate::{MIB, Workshop, noise, open};

const FORMS: [Form; 4] = [Form::Raw, Form::Qcow2, Form::FixedVhd { id: [0; 16] }, Form::StreamVmdk];

#[test]
fn progress_is_told_up_to_all_data() {
    let workshop = Workshop::new();
    let disk = open(&workshop.raw(9 * MIB, &[(MIB, noise(2 * MIB as usize))]), DiskFormat::Raw);
    for form in FORMS {
        let mut told = Vec::new();
        let progress: &mut dyn FnMut(u64) = &mut |data| told.push(data);
        let control = WriteControl { progress: Some(progress), cancelled: None };
        let written = form::write(&disk, form, &mut io::sink(), control).unwrap();
        assert!(told.is_sorted() && told.len() >= 8, "{form:?}: {told:?}");
        assert_eq!((told.last(), written.data), (Some(&(2 * MIB)), 2 * MIB), "{form:?}");
    }
}

#[test]
fn it_ends_when_it_is_cancelled() {
    let workshop = Workshop::new();
    let disk = open(&workshop.raw(5 << 40, &[(MIB, noise(2 * MIB as usize))]), DiskFormat::Raw);
    for form in FORMS {
        let asked = Cell::new(0);
        let cancelled: &dyn Fn() -> bool = &|| {
            asked.set(asked.get() + 1);
            asked.get() > 5
        };
        let control = WriteControl { progress: None, cancelled: Some(cancelled) };
        let result = form::write(&disk, form, &mut io::sink(), control);
        assert!(matches!(result, Err(Error::Cancelled)), "{form:?}: {result:?}");
        assert_eq!(asked.get(), 6, "{form:?}");
    }
}

/// It takes so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let workshop = Workshop::new();
    let disk = open(&workshop.raw(9 * MIB, &[(MIB, noise(MIB as usize))]), DiskFormat::Raw);
    for form in FORMS {
        for room in [0, 100, 500_000] {
            let result = form::write(&disk, form, &mut Full(room), WriteControl::default());
            assert!(matches!(result, Err(Error::Write(_))), "{form:?}: {result:?}");
        }
    }
}
