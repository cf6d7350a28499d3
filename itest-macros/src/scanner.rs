//! A tokenizer for Rust source text. It skips comments and the contents of literals.

use std::iter::Peekable;
use std::str::CharIndices;

/// A location in a file. Lines and columns are counted from 1, and columns are counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// An identifier, a keyword or a number.
    Word(&'t str),
    Open(char),
    Close(char),
    /// Any other character. A literal is represented by `"`.
    Punct(char),
}

/// The tokens of a text.
pub(crate) struct Scanner<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
    place: Place,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        // The compiler does not count the byte order mark as a column, so it is not counted here either.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, rest: text.char_indices().peekable(), place: Place { line: 1, column: 1 } }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    fn advance(&mut self) -> Option<char> {
        let (_, character) = self.rest.next()?;
        if character == '\n' {
            self.place = Place { line: self.place.line + 1, column: 1 };
        } else {
            self.place.column += 1;
        }
        Some(character)
    }

    /// The position of the next character in the text.
    fn offset(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(offset, _)| *offset)
    }

    /// The rest of the text.
    fn ahead(&mut self) -> &'t str {
        let offset = self.offset();
        &self.text[offset..]
    }

    fn skip(&mut self, characters: usize) {
        for _ in 0..characters {
            self.advance();
        }
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let ahead = self.ahead();
            if ahead.starts_with(char::is_whitespace) {
                self.advance();
            } else if ahead.starts_with("//") {
                while self.peek().is_some_and(|character| character != '\n') {
                    self.advance();
                }
            } else if ahead.starts_with("/*") {
                self.skip_block_comment();
            } else {
                return;
            }
        }
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0_u32;
        loop {
            let ahead = self.ahead();
            if ahead.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if ahead.starts_with("*/") {
                depth -= 1;
                self.skip(2);
            } else if self.advance().is_none() {
                return;
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Reads a word, or a literal with a prefix such as `b` or `r`.
    fn word(&mut self) -> Token<'t> {
        let start = self.offset();
        while self.peek().is_some_and(is_part_of_word) {
            self.advance();
        }
        let end = self.offset();
        let word = &self.text[start..end];
        let ahead = self.ahead();
        match word {
            "r" | "br" | "cr" => {
                let hashes = ahead.len() - ahead.trim_start_matches('#').len();
                if ahead[hashes..].starts_with('"') {
                    return self.raw_text(hashes);
                }
                if word == "r" && hashes == 1 {
                    self.advance();
                    return self.word();
                }
                Token::Word(word)
            }
            "b" | "c" if ahead.starts_with('"') => self.text(),
            "b" if ahead.starts_with('\'') => self.character_or_lifetime(),
            _ => Token::Word(word),
        }
    }

    fn raw_text(&mut self, hashes: usize) -> Token<'t> {
        self.skip(hashes + 1);
        let end = format!("\"{}", "#".repeat(hashes));
        while !self.ahead().starts_with(&end) {
            if self.advance().is_none() {
                break;
            }
        }
        self.skip(end.len());
        Token::Punct('"')
    }

    fn text(&mut self) -> Token<'t> {
        self.advance();
        while let Some(character) = self.advance() {
            match character {
                '"' => break,
                '\\' => {
                    self.advance();
                }
                _ => {}
            }
        }
        Token::Punct('"')
    }

    fn character_or_lifetime(&mut self) -> Token<'t> {
        self.advance();
        let mut ahead = self.ahead().chars();
        let is_escaped = ahead.next() == Some('\\');
        if is_escaped {
            self.skip(2);
            while self.peek().is_some_and(|character| character != '\'') {
                self.advance();
            }
            self.advance();
        } else if ahead.next() == Some('\'') {
            self.skip(2);
        }
        Token::Punct('"')
    }
}

impl<'t> Iterator for Scanner<'t> {
    type Item = (Place, Token<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks_and_comments();
        let place = self.place;
        let token = match self.peek()? {
            '"' => self.text(),
            '\'' => self.character_or_lifetime(),
            first if is_part_of_word(first) => self.word(),
            bracket @ ('(' | '[' | '{') => {
                self.advance();
                Token::Open(bracket)
            }
            bracket @ (')' | ']' | '}') => {
                self.advance();
                Token::Close(bracket)
            }
            mark => {
                self.advance();
                Token::Punct(mark)
            }
        };
        Some((place, token))
    }
}

fn is_part_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let word = |(_, token)| if let Token::Word(word) = token { Some(word) } else { None };
        Scanner::new(text).filter_map(word).collect()
    }

    #[test]
    fn words_in_comments_and_literals_are_skipped() {
        assert_eq!(words("a // b\n/* c /* d */ e */ f"), ["a", "f"]);
        assert_eq!(
            words(r###"a "b \" c" d r#"e " f"# g b"h" i br##"j"# k"## l c"m" n"###),
            ["a", "d", "g", "i", "l", "n"]
        );
        assert_eq!(words(r"a 'b' c '\'' d '\u{7d}' e b'f' g"), ["a", "c", "d", "e", "g"]);
    }

    #[test]
    fn lifetimes_and_raw_names_are_words() {
        assert_eq!(words("fn a<'b>(c: &'b r#fn) -> r#type"), ["fn", "a", "b", "c", "b", "fn", "type"]);
    }

    #[test]
    fn columns_are_counted_in_characters() {
        let places: Vec<Place> = Scanner::new("\u{feff}ä b\n\t c").map(|(place, _)| place).collect();
        let expected = [(1, 1), (1, 3), (2, 3)].map(|(line, column)| Place { line, column });
        assert_eq!(places, expected);
    }
}
