ALTER TABLE product ADD COLUMN stock int NOT NULL DEFAULT 0 CHECK (stock >= 0);
