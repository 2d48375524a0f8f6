//! A stand-in for a name server that answers for one family of addresses only, as some do; real ones cannot be told to.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;

use super::Lab;

/// Serves at the source's address: each name has that address too, and a question for its IPv6 address is never answered.
pub fn start_half_a_name_server(_lab: &Lab) {
    const A: u16 = 1;
    let socket = UdpSocket::bind((Lab::SOURCE, 53)).unwrap();
    let address: Ipv4Addr = Lab::SOURCE.parse().unwrap();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            // The question begins behind the header: the parts of the name, a zero, type, class.
            let name = query[12..length].iter().position(|byte| *byte == 0).unwrap();
            let end = 12 + name + 1 + 4;
            if u16::from_be_bytes([query[end - 4], query[end - 3]]) != A {
                continue;
            }
            let mut answer = query[..2].to_vec();
            // An answer, recursion available; one question, one answer.
            answer.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            answer.extend(&query[12..end]);
            // The name as in the question; A, IN, a minute, four bytes.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(address.octets());
            let _ = socket.send_to(&answer, from);
        }
    });
}
