ALTER TABLE public.word ADD COLUMN mood text;
