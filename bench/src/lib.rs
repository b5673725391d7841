//! What the servers of the benchmark share: how they say where they listen, and when they end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::{process, thread};

/// Prints the address on a line of its own, for the program that started this one with port 0.
pub fn announce(addr: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{addr}")?;
    stdout.flush()
}

/// Ends the process when its stdin does, which happens however the parent ends: a server must not outlive a
/// benchmark that was interrupted.
pub fn end_with_stdin() {
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        process::exit(0);
    });
}
