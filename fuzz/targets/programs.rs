#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ays_fuzz::programs::check(data));
