//! Where a server may come from, and in which order that is tried.

use itest_runtime::__private::variable;
use itest_runtime::Error;

/// One of the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The URL in a variable.
    Url,
    /// The programs that are installed.
    Programs,
    /// A container.
    #[cfg(feature = "containers")]
    Container,
}

/// All of them, in the order in which they are tried where nobody says anything.
const ALL: &[Place] = &[
    Place::Url,
    Place::Programs,
    #[cfg(feature = "containers")]
    Place::Container,
];

/// The places that a variable names, in its order.
pub(crate) fn places(name: &str) -> Result<Vec<Place>, Error> {
    let Some(text) = variable(name) else { return Ok(ALL.to_vec()) };
    parse(&text).map_err(|wrong| {
        let told = match wrong {
            #[cfg(not(feature = "containers"))]
            "container" => "this suite is built without the feature `containers` of itest",
            _ => "it is url, programs, container, or several of them in the order in which they are tried, with commas",
        };
        Error::new(format!("{name}={text}: there is no place called `{wrong}`; {told}"))
    })
}

fn parse(text: &str) -> Result<Vec<Place>, &str> {
    let place = |word| match word {
        "url" => Ok(Place::Url),
        "programs" => Ok(Place::Programs),
        #[cfg(feature = "containers")]
        "container" => Ok(Place::Container),
        wrong => Err(wrong),
    };
    text.split(',').map(str::trim).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_tried_in_the_order_in_which_they_are_named() {
        #[cfg(feature = "containers")]
        assert_eq!(parse("container"), Ok(vec![Place::Container]));
        assert_eq!(parse("programs, url"), Ok(vec![Place::Programs, Place::Url]));
        assert_eq!(parse("url,docker"), Err("docker"));
        assert_eq!(parse("url,"), Err(""));
    }
}
