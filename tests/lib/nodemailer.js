// nodemailer.js FOLDER: send one message as told by JSON on standard input; FOLDER holds nodemailer.
'use strict';
const fs = require('fs');
const nodemailer = require(process.argv[2] + '/node_modules/nodemailer');
const told = JSON.parse(fs.readFileSync(0, 'utf8'));

nodemailer
    .createTransport({
        host: 'localhost',
        port: told.port,
        requireTLS: true,
        tls: { ca: fs.readFileSync(told.ca) },
        auth: { type: 'OAuth2', user: told.user, accessToken: told.token },
    })
    .sendMail({ from: told.from, to: told.to, subject: told.subject, text: 'Good morning.\n' })
    .then(
        (info) => console.log(info.response),
        (error) => {
            console.log(error.code + ' ' + error.response);
            process.exitCode = 1;
        }
    );
