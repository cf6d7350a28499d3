-- A script: what is a; semicolon here does not matter.
UPDATE customers SET email = 'grace;@example.com' WHERE id = 9;
INSERT INTO orders (customer_id, reference) VALUES (9, 'it''s; fine');
