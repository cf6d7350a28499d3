//! HTML forms with files (`multipart/form-data`).

use std::fmt;

use itest_runtime::__private::redacted_value;

/// An HTML form with texts and files, as a browser sends it.
///
/// # Examples
///
/// ```
/// # use itest_fixtures::{Client, Multipart};
/// # async fn upload(client: &Client, picture: Vec<u8>) -> itest::Result<()> {
/// let form = Multipart::new().text("title", "A cat").file("photo", "cat.png", "image/png", picture);
/// client.post("/photos").multipart(&form).await?.assert_status(201);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Multipart {
    parts: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    name: String,
    file: Option<FileHead>,
    contents: Vec<u8>,
}

#[derive(Clone)]
struct FileHead {
    name: String,
    content_type: String,
}

impl Multipart {
    /// A form without parts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text field.
    #[must_use]
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(Part { name: name.into(), file: None, contents: value.into().into_bytes() })
    }

    /// Adds a file with its name and its content type.
    #[must_use]
    pub fn file(
        self,
        name: impl Into<String>,
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        contents: impl Into<Vec<u8>>,
    ) -> Self {
        let file = FileHead { name: file_name.into(), content_type: content_type.into() };
        self.with(Part { name: name.into(), file: Some(file), contents: contents.into() })
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The content type and the body.
    pub(super) fn encoded(&self) -> (String, Vec<u8>) {
        let boundary = self.boundary();
        let mut body = Vec::new();
        for Part { name, file, contents } in &self.parts {
            let file = file.as_ref().map_or_else(String::new, |FileHead { name, content_type }| {
                format!("; filename=\"{}\"\r\nContent-Type: {}", escaped(name), escaped(content_type))
            });
            let field = format!("Content-Disposition: form-data; name=\"{}\"{file}", escaped(name));
            body.extend_from_slice(format!("--{boundary}\r\n{field}\r\n\r\n").as_bytes());
            body.extend_from_slice(contents);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }

    /// A text that is in no part. It is the same for equal forms, so that a test repeats exactly.
    fn boundary(&self) -> String {
        let contains = |boundary: &String| {
            self.parts
                .iter()
                .any(|part| part.contents.windows(boundary.len()).any(|window| window == boundary.as_bytes()))
        };
        let mut number = 0;
        loop {
            let boundary = format!("itest-form-boundary-{number}");
            if !contains(&boundary) {
                return boundary;
            }
            number += 1;
        }
    }
}

/// A name as browsers write it into the head of a part (HTML, "multipart/form-data encoding algorithm").
fn escaped(name: &str) -> String {
    name.replace('\n', "%0A").replace('\r', "%0D").replace('"', "%22")
}

/// The parts without secrets, and without the contents of files.
impl fmt::Display for Multipart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Part { name, file, contents }) in self.parts.iter().enumerate() {
            if number > 0 {
                formatter.write_str("\n")?;
            }
            match file {
                Some(FileHead { name: file, content_type }) => {
                    write!(formatter, "{name}: file {file:?}, {content_type}, {} bytes", contents.len())?;
                }
                None => write!(formatter, "{name}: {}", redacted_value(name, &String::from_utf8_lossy(contents)))?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_is_encoded_as_browsers_do() {
        let form = Multipart::new().text("ti\"tle", "A\r\ncat").file("photo", "c\"at\r\n.png", "image/png", [0, 255]);
        let (content_type, body) = form.encoded();
        assert_eq!(content_type, "multipart/form-data; boundary=itest-form-boundary-0");
        let expected = b"--itest-form-boundary-0\r\n\
            Content-Disposition: form-data; name=\"ti%22tle\"\r\n\r\n\
            A\r\ncat\r\n\
            --itest-form-boundary-0\r\n\
            Content-Disposition: form-data; name=\"photo\"; filename=\"c%22at%0D%0A.png\"\r\nContent-Type: image/png\r\n\r\n\
            \x00\xff\r\n\
            --itest-form-boundary-0--\r\n";
        assert_eq!(body, expected, "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn boundary_is_in_no_part() {
        let (content_type, _) = Multipart::new().text("a", "--itest-form-boundary-0--").encoded();
        assert!(content_type.ends_with("=itest-form-boundary-1"), "{content_type}");
    }

    #[test]
    fn shown_form_has_neither_secrets_nor_contents_of_files() {
        let form =
            Multipart::new().text("user", "ann").text("password", "s3cret").file("f", "a.txt", "text/plain", "s3");
        assert_eq!(form.to_string(), "user: ann\npassword: ***\nf: file \"a.txt\", text/plain, 2 bytes");
    }
}
