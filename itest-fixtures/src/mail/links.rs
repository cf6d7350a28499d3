//! The links in the texts of a mail.

/// The links of a plain text, in order: each begins with `http://` or `https://`, and ends before a space or a bracket.
pub(super) fn links_of_text(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut rest = text;
    while let Some(start) = first_link(rest) {
        let link = &rest[start..];
        let end = link.find(|character: char| character.is_whitespace() || "<>\"'`[]{}|\\^".contains(character));
        let link = &link[..end.unwrap_or(link.len())];
        // A sentence may end after the link.
        let trimmed = link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        links.push(trimmed.to_owned());
        rest = &rest[start + link.len()..];
    }
    links
}

fn first_link(text: &str) -> Option<usize> {
    // One search for both schemes: a search for each would read the whole rest again and again if only the other scheme occurs.
    let begins = |position: &usize| {
        let rest = &text[*position + "http".len()..];
        rest.starts_with("://") || rest.starts_with("s://")
    };
    text.match_indices("http").map(|(position, _)| position).find(begins)
}

/// The targets of the links of an HTML text, in order: the values of all `href` attributes, with their entities decoded.
pub(super) fn links_of_html(html: &str) -> Vec<String> {
    let mut links = Vec::new();
    let lower = html.to_ascii_lowercase();
    for (position, name) in lower.match_indices("href") {
        let is_attribute =
            lower[..position].ends_with(|before: char| before.is_whitespace() || "\"'/".contains(before));
        let rest = html[position + name.len()..].trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start).filter(|_| is_attribute) else { continue };
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
            _ => {
                value.split(|character: char| character.is_whitespace() || character == '>').next().unwrap_or_default()
            }
        };
        links.push(decoded(value.trim()));
    }
    links
}

/// A value of an attribute without its entities. URLs contain no others than these.
fn decoded(value: &str) -> String {
    let entities = [("&#38;", "&"), ("&#x26;", "&"), ("&#61;", "="), ("&#x3d;", "="), ("&quot;", "\""), ("&#39;", "'")];
    let decoded = entities.iter().fold(value.to_owned(), |text, (entity, character)| text.replace(entity, character));
    // `&amp;` is replaced last, because `&amp;quot;` stands for `&quot;`.
    decoded.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_text_end_before_punctuation() {
        let text = "Reset (https://shop/reset?token=a.b&x=1). Or see <http://shop/help>, https://é.example/ü!";
        assert_eq!(
            links_of_text(text),
            ["https://shop/reset?token=a.b&x=1", "http://shop/help", "https://é.example/ü"].map(String::from)
        );
    }

    #[test]
    fn links_of_html_are_the_values_of_href() {
        let html = "<a href=\"https://shop/a?x=1&amp;y=2\">a</a> <A HREF = 'mailto:ada@example.org'>b</A> <a href=/c>c</a> \
            <a data-href=\"no\">d</a> href is a word <a href=\"unclosed";
        assert_eq!(
            links_of_html(html),
            ["https://shop/a?x=1&y=2", "mailto:ada@example.org", "/c", "unclosed"].map(String::from)
        );
    }
}
