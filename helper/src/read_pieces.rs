//! The pieces of a stored disk, told while it is read.

use ays_disk::content::PIECE;
use ays_model::{Content, Sha256};
use ays_protocol::{CONTENT_PIECE, DigestedDisk, Failure, Pieces, ReadPieces, Said};

use crate::content::measure_pieces;
use crate::disk::{check_path, failure, on_thread};
use crate::image_file::{bad_image, open_file};
use crate::pace::Pace;
use crate::report::Report;
use crate::share::Talk;
use crate::share::teller::Teller;

const _: () = assert!(PIECE == CONTENT_PIECE, "what is told is what is read");

/// Reads it, and tells the hash of each piece that is not all zero.
pub(crate) async fn read_pieces(
    order: ReadPieces,
    report: &Report,
    talk: Talk,
) -> Result<DigestedDisk, Failure> {
    check_path(&order.path)?;
    let teller = Teller::start(talk.id, talk.answers);
    let (voice, report) = (teller.voice(), report.clone());
    let read = on_thread(move || {
        let ReadPieces { path, format, rate } = order;
        let file = open_file(&path).map_err(|error| failure(&path, "reading", &error))?;
        let tell = |first, hash| {
            voice.say(Said::Pieces(Pieces { epoch: 0, first, sha256: vec![Sha256(hash)] }));
        };
        let measured = measure_pieces(&file, format, Pace::new(rate), &report, tell);
        let measured = measured.map_err(|error| bad_image(&path, ays_model::causes(&error)))?;
        Ok(DigestedDisk { content: Content(measured.content), virtual_size: measured.virtual_size })
    })
    .await;
    teller.finish().await;
    read
}
