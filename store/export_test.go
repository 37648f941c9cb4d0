package store

func init() { scanWindow = 50 }
