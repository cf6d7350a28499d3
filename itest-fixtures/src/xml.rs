//! Reads the XML answers of services of AWS.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The texts of all elements of a name, in their order.
pub(crate) fn texts_of(xml: &str, name: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut texts, mut inside): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) if element.local_name().as_ref() == name.as_bytes() => {
                inside = Some(String::new());
            }
            Ok(Event::Empty(element)) if element.local_name().as_ref() == name.as_bytes() => texts.push(String::new()),
            Ok(Event::Text(text)) => append(&mut inside, text.decode().ok().as_deref()),
            Ok(Event::CData(text)) => append(&mut inside, text.decode().ok().as_deref()),
            Ok(Event::GeneralRef(reference)) => append(&mut inside, resolved(&reference).as_deref()),
            Ok(Event::End(_)) => texts.extend(inside.take()),
            Ok(Event::Eof) | Err(_) => return texts,
            Ok(_) => {}
        }
    }
}

fn append(inside: &mut Option<String>, text: Option<&str>) {
    if let Some(inside) = inside {
        inside.push_str(text.unwrap_or_default());
    }
}

fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character.to_string());
    }
    let name = reference.decode().ok()?;
    quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_elements_are_decoded() {
        let xml = "<List><Contents><Key>a&amp;b</Key></Contents><Contents><Key>c&#x41;</Key></Contents><Key/><Other>d</Other></List>";
        assert_eq!(texts_of(xml, "Key"), ["a&b", "cA", ""]);
    }
}
