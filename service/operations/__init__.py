"""What operators do: backups, clocks, epochs, and the checks of `claimdesk doctor`.

clock          compares this machine's clock with the record, and accepts it
recovery       begins epochs; holds and releases webhooks after a restore or in a copy
signs_of_life  notes when the database was last written to
copies         copies an embedded database (SQLite), and puts a copy in its place
dumps          dumps and restores a PostgreSQL database
doctor_desk    checks of the desk's state: integrity, clock, epoch, people, names
doctor_rows    checks of every table: references and values
"""
