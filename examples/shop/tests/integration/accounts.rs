//! Registering and signing in.

use itest::TestRng;
use itest::prelude::*;
use shop::auth::{Role, Token};
use shop::users::User;

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::{PASSWORD, Shop};

#[integration_test(tags("smoke"), covers("POST /users"))]
#[over(Db = [Sqlite, Postgres])]
async fn visitor_can_register<Db: Database>(shop: &Shop<Db>, mut random: TestRng) -> Result<()> {
    #[arrange]
    let email = format!("{}@example.com", random.word(12));

    #[act]
    let response = shop.register(&email, PASSWORD).await?;

    #[assert]
    let user: User = response.assert_status(201).json()?;
    assert_eq!(user.email, email);
    assert_eq!(user.role, Role::Customer);
    Ok(())
}

#[integration_test(covers("POST /users"))]
#[over(Db = [Sqlite, Postgres])]
#[case::once_more("ada@example.com")]
#[case::in_upper_case("ADA@EXAMPLE.COM")]
async fn address_registers_only_once<Db: Database>(shop: &Shop<Db>, #[case] again: &str) -> Result<()> {
    #[arrange]
    shop.register("ada@example.com", PASSWORD).await?.assert_status(201);

    #[act]
    let response = shop.register(again, "another password").await?;

    #[assert]
    response.assert_status(409).assert_json("/error/code", "email_taken");
    shop.sign_in("ada@example.com", PASSWORD).await?.assert_status(201);
    Ok(())
}

#[integration_test(covers("POST /users"))]
#[over(Db = [Sqlite, Postgres])]
#[case::no_address("", PASSWORD)]
#[case::no_at_sign("ada.example.com", PASSWORD)]
#[case::two_at_signs("ada@home@example.com", PASSWORD)]
#[case::no_name("@example.com", PASSWORD)]
#[case::no_domain("ada@", PASSWORD)]
#[case::a_blank("ada lovelace@example.com", PASSWORD)]
#[case::no_character("ada\0@example.com", PASSWORD)]
#[case::too_long(&format!("{}@example.com", "a".repeat(243)), PASSWORD)]
#[case::no_password("ada@example.com", "")]
#[case::seven_characters("ada@example.com", "1234567")]
#[case::seven_characters_of_fourteen_bytes("ada@example.com", "äöüäöüä")]
async fn invalid_registration_is_refused<Db: Database>(
    shop: &Shop<Db>,
    db: &Db,
    #[case] email: &str,
    #[case] password: &str,
) -> Result<()> {
    #[act]
    let response = shop.register(email, password).await?;

    #[assert]
    response.assert_status(422).assert_json("/error/code", "invalid");
    let (registered,): (i64,) = db.row("SELECT count(*) FROM users").await?;
    assert_eq!(registered, 0);
    Ok(())
}

#[integration_test(covers("POST /users"))]
#[over(Db = [Sqlite, Postgres])]
#[case::the_longest_address(&format!("{}@example.com", "a".repeat(242)), PASSWORD)]
#[case::the_shortest_password("ada@example.com", "12345678")]
#[case::a_password_of_any_language("ada@example.com", "äöüäöüäö")]
async fn shortest_and_longest_credentials_are_accepted<Db: Database>(
    shop: &Shop<Db>,
    #[case] email: &str,
    #[case] password: &str,
) -> Result<()> {
    #[act]
    let response = shop.register(email, password).await?;

    #[assert]
    response.assert_status(201);
    shop.sign_in(email, password).await?.assert_status(201);
    Ok(())
}

#[integration_test(tags("auth"), covers("POST /users"))]
#[over(Db = [Sqlite, Postgres])]
async fn password_is_stored_only_as_a_hash<Db: Database>(shop: &Shop<Db>, db: &Db) -> Result<()> {
    #[act]
    let response = shop.register("ada@example.com", PASSWORD).await?;

    #[assert]
    let (hash,): (String,) = db.row("SELECT password_hash FROM users").await?;
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    assert!(!hash.contains(PASSWORD), "{hash}");
    assert!(!response.text().contains("argon2"), "{response}");
    Ok(())
}

#[integration_test(tags("auth", "smoke"), covers("POST /tokens"))]
#[over(Db = [Sqlite, Postgres])]
async fn token_has_the_role_of_its_user<Db: Database>(shop: &Shop<Db>, db: &Db) -> Result<()> {
    #[arrange]
    shop.register("ada@example.com", PASSWORD).await?.assert_status(201);
    let bob: User = shop.register("bob@example.com", PASSWORD).await?.json()?;
    shop::users::promote(&db.pool(), bob.id).await?;

    #[act]
    let ada = shop.sign_in("ada@example.com", PASSWORD).await?;
    let bob = shop.sign_in("bob@example.com", PASSWORD).await?;

    #[assert]
    ada.assert_status(201).assert_json("/role", "customer");
    bob.assert_status(201).assert_json("/role", "admin");
    Ok(())
}

#[integration_test(tags("auth"), covers("POST /tokens"))]
#[over(Db = [Sqlite, Postgres])]
async fn email_for_sign_in_is_case_insensitive<Db: Database>(shop: &Shop<Db>) -> Result<()> {
    #[arrange]
    shop.register("Ada@Example.com", PASSWORD).await?.assert_status(201);

    #[act]
    let response = shop.sign_in("aDA@eXAMPLE.COM", PASSWORD).await?;

    #[assert]
    let token: Token = response.assert_status(201).json()?;
    assert_eq!(token.role, Role::Customer);
    Ok(())
}

#[integration_test(tags("auth"), covers("POST /tokens"))]
#[over(Db = [Sqlite, Postgres])]
async fn invalid_address_cannot_sign_in<Db: Database>(
    shop: &Shop<Db>,
    #[values("", "ada", "ada\0@example.com")] email: &str,
) -> Result<()> {
    #[act]
    let response = shop.sign_in(email, PASSWORD).await?;

    #[assert]
    response.assert_status(401).assert_json("/error/code", "wrong_credentials");
    Ok(())
}

#[integration_test(tags("auth"), covers("POST /tokens"))]
#[over(Db = [Sqlite, Postgres])]
async fn wrong_password_and_unknown_address_get_the_same_response<Db: Database>(shop: &Shop<Db>) -> Result<()> {
    #[arrange]
    shop.register("ada@example.com", PASSWORD).await?.assert_status(201);

    #[act]
    let wrong_password = shop.sign_in("ada@example.com", "battery staple").await?;
    let unknown_address = shop.sign_in("bob@example.com", PASSWORD).await?;

    #[assert("the response does not show which addresses are registered")]
    wrong_password.assert_status(401).assert_json("/error/code", "wrong_credentials");
    assert_eq!(wrong_password.status(), unknown_address.status());
    assert_eq!(wrong_password.text(), unknown_address.text());
    Ok(())
}
