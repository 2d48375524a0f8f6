//! Images that were made to break whoever reads them, or to keep it busy.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use ays_disk::form::{self, Error, Form};
use ays_disk::{StoredDisk, WriteControl, content};
use ays_model::DiskFormat;

use crate::{MIB, Workshop, noise, open};

/// How long all of one test may take, on any machine that tests run on.
const LIMIT: Duration = Duration::from_secs(60);

/// Numbers that look like chance, and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn qcow2_with_bytes_that_were_changed() {
    let workshop = Workshop::new();
    let raw = workshop.raw(2 * MIB + 512, &[(0, noise(5000)), (MIB, b"text ".repeat(3000))]);
    let begun = Instant::now();
    let mut chance = Chance(7);
    let (mut read, mut refused) = (0, 0);
    for options in [&["-o", "cluster_size=4k"][..], &["-c", "-o", "cluster_size=512"]] {
        let image = workshop.qcow2(&raw, options);
        let sound = fs::read(&image).unwrap();
        for _ in 0..150 {
            let mut bytes = sound.clone();
            for _ in 0..=chance.below(8) {
                // Often in the header.
                let end = if chance.below(2) == 0 { 112 } else { bytes.len() as u64 };
                bytes[chance.below(end) as usize] = chance.below(256) as u8;
            }
            fs::write(&image, bytes).unwrap();
            match StoredDisk::open(fs::File::open(&image).unwrap(), DiskFormat::Qcow2) {
                Ok(disk) => {
                    for form in [Form::Qcow2, Form::StreamVmdk] {
                        let result = form::write(&disk, form, &mut io::sink(), WriteControl::default());
                        *(if result.is_ok() { &mut read } else { &mut refused }) += 1;
                    }
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 50 && refused > 50, "{read} read, {refused} refused");
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

#[test]
fn tables_that_lead_to_one_place_again_and_again() {
    const CLUSTER: u64 = 65536;
    let workshop = Workshop::new();
    let image = workshop.qcow2(&workshop.raw(500 * MIB, &[(0, noise(CLUSTER as usize))]), &[]);
    // The first table is behind the header and the counts; every entry of its second table becomes like the first.
    let file = fs::OpenOptions::new().read(true).write(true).open(&image).unwrap();
    let number_at = |at| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at).unwrap();
        u64::from_be_bytes(bytes)
    };
    let table = number_at(number_at(40)) & !(1 << 63);
    file.write_all_at(&number_at(table).to_be_bytes().repeat(8000), table).unwrap();
    let disk = open(&image, DiskFormat::Qcow2);
    for form in [Form::Raw, Form::Qcow2, Form::FixedVhd { id: [0; 16] }, Form::StreamVmdk] {
        let result = form::write(&disk, form, &mut io::sink(), WriteControl::default());
        assert!(matches!(result, Err(Error::Data(content::Error::MoreThanData))), "{form:?}: {result:?}");
    }
}
