CREATE SCHEMA "odd schema";
CREATE TABLE "odd schema"."odd ""table""" ("odd 'column" text, note text GENERATED ALWAYS AS ('<' || "odd 'column" || '>') STORED);
