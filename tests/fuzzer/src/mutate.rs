//! Mutations of bytes.

/// Pieces on which parsers of JSON, headers, URLs and scripts stumble.
const PIECES: [&[u8]; 34] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"0.1",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xe2\x80\xa8",
    b"\xf0\x9f\x98\x80",
    b" ",
    b"=",
    b";",
    b"/",
    b"@",
    b"#",
    b"$",
    b"'",
    b"//@logto-hasura:",
    b"GMT",
    b"\"\":",
    b"*",
];

/// The longest input.
const LONGEST: usize = 64 * 1024;

/// A source of mutations that a seed repeats: xorshift64*.
pub struct Mutator(u64);

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below a limit; 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let number = usize::try_from(self.next() >> 33).unwrap_or_default();
        number.checked_rem(limit).unwrap_or_default()
    }

    /// One of the inputs after a few mutations, often none but one.
    pub fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(4) {
            self.once(&mut input, corpus);
        }
        input.truncate(LONGEST);
        input
    }

    fn once(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.next().to_le_bytes()[0],
            2 => drop(input.drain(at..end)),
            3 => input.truncate(at),
            4 => {
                let piece = PIECES[self.below(PIECES.len())];
                input.splice(at..at, piece.iter().copied());
            }
            5 => {
                let piece = PIECES[self.below(PIECES.len())];
                input.splice(at..end, piece.iter().copied());
            }
            6 => {
                // The same again and again: deep nesting, long names, many rows.
                let piece = input[at..end].to_vec();
                let times = self.below(400);
                input.splice(at..at, piece.repeat(times));
            }
            7 => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                let to = (from + self.below(32)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
}
