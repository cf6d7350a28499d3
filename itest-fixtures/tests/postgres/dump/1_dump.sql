-- As pg_dump writes it: from here on nothing is found without its schema.
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.word (id int PRIMARY KEY, text text NOT NULL);
