//! A hundred tests, a fixture and two cases: what a small suite without features pays for.

use itest::prelude::*;

/// A fixture that every test of the macro below gets.
struct Number(u32);

#[fixture]
fn number() -> Number {
    Number(7)
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(
            #[integration_test]
            fn $name(number: Number) {
                assert_eq!(number.0, 7);
            }
        )*
    };
}

mod first {
    use super::*;
    tests!(a b c d e f g h i j k l m n o p q r s t u v w x y);
}

mod second {
    use super::*;
    tests!(a b c d e f g h i j k l m n o p q r s t u v w x y);
}

mod third {
    use super::*;
    tests!(a b c d e f g h i j k l m n o p q r s t u v w x y);
}

mod fourth {
    use super::*;
    tests!(a b c d e f g h i j k l m n o p q r s t u v w x y);
}

#[integration_test]
#[case::one(1)]
#[case::two(2)]
async fn is_small(#[case] number: u32) -> Result<()> {
    #[act]
    let doubled = number * 2;
    #[assert]
    assert!(doubled < 5);
    Ok(())
}

itest::main!();
