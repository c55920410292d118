import { Catch } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';

/** Errors as Nest's own JSON; the filters of the application make pages of them. */
@Catch()
export class JsonErrorFilter extends BaseExceptionFilter {}
