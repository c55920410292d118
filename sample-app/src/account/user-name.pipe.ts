import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

const MAX_LENGTH = 40;

/** A form's field as it comes from outside; the form in the page has the same rules. */
@Injectable()
export class UserNamePipe implements PipeTransform<unknown, string> {
  transform(value: unknown): string {
    const name = typeof value === 'string' ? value.trim() : '';
    if (name === '' || name.length > MAX_LENGTH) {
      throw new BadRequestException(`Give a name of 1 to ${MAX_LENGTH} characters.`);
    }
    return name;
  }
}
